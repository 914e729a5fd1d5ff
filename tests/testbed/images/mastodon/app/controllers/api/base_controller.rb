# frozen_string_literal: true

class Api::BaseController < ApplicationController
  skip_forgery_protection
  content_security_policy { |policy| Api::BaseController.replace_with_api_policy(policy) }

  before_action :rate_limit_headers
  before_action { vary 'Authorization' }
  before_action :private_answer

  rescue_from ActiveRecord::RecordInvalid, with: :refuse_record
  rescue_from ActiveRecord::RecordNotFound, with: -> { render json: { error: 'Record not found' }, status: :not_found }

  def self.replace_with_api_policy(policy)
    policy.directives.clear
    policy.default_src :none
    policy.frame_ancestors :none
    policy.form_action :none
  end

  private

  def access_token
    return @access_token if defined?(@access_token)

    value = request.headers['Authorization'].to_s[/\ABearer (.+)/, 1] || params[:access_token]
    @access_token = Doorkeeper::AccessToken.usable(value)
  end

  def current_user
    @current_user ||= User.find_by(id: access_token&.resource_owner_id) if access_token
  end

  def current_account = current_user&.account

  def require_token
    return if access_token

    response.headers['WWW-Authenticate'] =
      'Bearer realm="Doorkeeper", error="invalid_token", error_description="The access token is invalid"'
    render json: { error: 'The access token is invalid' }, status: :unauthorized
  end

  def require_user
    require_token
    return if performed?
    return render(json: { error: 'This method requires an authenticated user' }, status: :unprocessable_entity) if current_user.nil?
    return current_user.seen!(request.remote_ip) if current_user.functional?

    message = current_user.confirmed? ? 'Your login is currently pending approval' : 'Your login is missing a confirmed e-mail address'
    render json: { error: message }, status: :forbidden
  end

  def rate_limit_headers
    data = request.env['rack.attack.throttle_data']&.slice('throttle_authenticated_api', 'throttle_unauthenticated_api')&.values&.first
    return if data.nil?

    now = Time.now.utc
    response.headers['X-RateLimit-Limit'] = data[:limit].to_s
    response.headers['X-RateLimit-Remaining'] = (data[:limit] - data[:count]).clamp(0..).to_s
    response.headers['X-RateLimit-Reset'] = (now + (data[:period] - (now.to_i % data[:period]))).iso8601(6)
  end

  def refuse_record(error)
    render json: { error: "Validation failed: #{error.record.errors.full_messages.join(', ')}" }, status: :unprocessable_entity
  end
end
