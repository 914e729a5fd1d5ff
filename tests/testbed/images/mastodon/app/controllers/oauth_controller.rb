# frozen_string_literal: true

# Two grants only: client_credentials, and password (which the real server no longer offers; it
# spares tests the browser).
class OauthController < Api::BaseController
  skip_before_action :rate_limit_headers

  def token
    application = Doorkeeper::Application.find_by(uid: params[:client_id].to_s, secret: params[:client_secret].to_s)
    return refuse('invalid_client', 'Client authentication failed', :unauthorized) if application.nil?

    case params[:grant_type]
    when 'client_credentials' then issue(application)
    when 'password' then password_grant(application)
    else refuse('unsupported_grant_type', 'The authorization grant type is not supported', :bad_request)
    end
  end

  def revoke
    Doorkeeper::AccessToken.where(token: params[:token].to_s).update_all(revoked_at: Time.now.utc)
    render json: {}
  end

  private

  def password_grant(application)
    user = User.find_by('lower(email) = lower(?)', params[:username].to_s)
    return refuse('invalid_grant', 'The provided authorization grant is invalid', :bad_request) unless user&.valid_password?(params[:password].to_s)

    issue(application, user)
  end

  def issue(application, user = nil)
    render json: Serializers.token(Doorkeeper::AccessToken.issue(application: application, user: user, scopes: params[:scope].presence || 'read'))
  end

  def refuse(error, description, status) = render(json: { error: error, error_description: description }, status: status)
end
