# frozen_string_literal: true

# Signing up, confirming and signing in with a browser. Never cacheable.
class AuthController < ApplicationController
  costs register: 144, confirm: 33, sign_in: 60

  layout 'application'
  before_action :private_answer
  protect_from_forgery with: :exception

  def sign_in_form = render(:sign_in)

  def sign_in
    user = User.find_by('lower(email) = lower(?)', params.dig(:user, :email).to_s)
    return refuse('Invalid E-mail address or password.') unless user&.valid_password?(params.dig(:user, :password).to_s)
    return refuse('Your account is not active yet.') unless user.functional?

    remember(user)
    redirect_to '/', status: :see_other
  end

  def sign_out
    SessionActivation.where(session_id: cookies.signed['_session_id']).delete_all
    cookies.delete('_session_id')
    reset_session
    redirect_to '/auth/sign_in', status: :see_other
  end

  def sign_up_form = render(Setting.registrations_open? ? :sign_up : :closed, status: Setting.registrations_open? ? :ok : :forbidden)

  def register
    return render(:closed, status: :forbidden) unless Setting.registrations_open?

    user = Registration.new(params.require(:user).permit(:username, :email, :password, :reason), address: request.remote_ip).call
    return refuse(user.errors.full_messages.join(', '), :sign_up) unless user.persisted?

    redirect_to '/auth/setup', status: :see_other
  end

  def setup = render(:setup)

  def confirm
    user = User.find_by(confirmation_token: params[:confirmation_token].to_s.presence || '-')
    @message = outcome(user)
    render :confirmed, status: user ? :ok : :unprocessable_entity
  end

  private

  def outcome(user)
    return 'Confirmation token is invalid' if user.nil?
    return 'This e-mail address was already confirmed' if user.confirmed?

    user.confirm ? 'Your e-mail address has been confirmed.' : 'Your confirmation link has expired.'
  end

  def remember(user)
    user.seen!(request.remote_ip)
    session = SessionActivation.create!(user: user, session_id: SecureRandom.hex, ip: request.remote_ip, user_agent: request.user_agent.to_s)
    cookies.signed['_session_id'] = { value: session.session_id, expires: 1.year.from_now, httponly: true, secure: true, same_site: :lax }
  end

  def refuse(message, form = :sign_in)
    @message = message
    render form, status: :unprocessable_entity
  end
end
