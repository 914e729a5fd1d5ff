# frozen_string_literal: true

class Api::AccountsController < Api::BaseController
  costs create: 144, verify_credentials: 12

  before_action :require_token, only: :create
  before_action :require_user, except: %i(create show lookup statuses)

  def create
    return render(json: { error: 'This action is not allowed' }, status: :forbidden) unless Setting.registrations_open?

    user = Registration.new(params, address: request.remote_ip, application: application).call
    return refuse(user) unless user.persisted?

    render json: Serializers.token(Doorkeeper::AccessToken.issue(application: application, user: user, scopes: access_token.scopes))
  end

  def verify_credentials
    render json: Serializers.account(current_account).merge(
      source: { privacy: 'public', sensitive: false, language: nil, note: current_account.note, fields: [] },
      role: { id: current_user.role_id&.to_s || '-99', name: current_user.role_name.to_s, permissions: (current_user.role&.permissions || 65_536).to_s }
    )
  end

  def show = render(json: Serializers.account(Account.find(params[:id])))
  def lookup = render(json: Serializers.account(Account.find_local(params[:acct].to_s.split('@').first) || raise(ActiveRecord::RecordNotFound)))

  def statuses
    # Its author sees everything, whatever its visibility.
    posts = Status.where(account_id: params[:id])
    posts = current_account&.id == params[:id].to_i ? posts.order(id: :desc) : posts.public_timeline
    posts = posts.includes(:account, :media_attachments).limit((params[:limit] || 20).to_i.clamp(1, 40))
    render json: posts.map { |status| Serializers.status(status) }
  end

  def follow
    target = Account.find(params[:id])
    follow = Follow.find_or_create_by!(account: current_account, target_account: target)
    target.local? ? notify(target, follow) : request_remotely(target, follow)
    render json: relationship(target)
  end

  def unfollow
    Follow.where(account: current_account, target_account_id: params[:id]).destroy_all
    render json: relationship(Account.find(params[:id]))
  end

  private

  def application = Doorkeeper::Application.find_by(id: access_token.application_id)
  def notify(target, follow) = LocalNotificationWorker.perform_async(target.id, follow.id, 'Follow', 'follow')

  def request_remotely(target, follow)
    ActivityPub::DeliveryWorker.perform_async(ActivityPub::Documents.follow(follow).to_json, current_account.id, target.inbox_url)
  end

  def relationship(target)
    { id: target.id.to_s, following: Follow.exists?(account: current_account, target_account: target),
      followed_by: Follow.exists?(account: target, target_account: current_account) }
  end

  def refuse(user)
    details = user.errors.group_by_attribute.to_h do |attribute, problems|
      [attribute.to_s.delete_prefix('account.'), problems.map { |p| { error: "ERR_#{p.message.upcase}", description: p.message.humanize.downcase } }]
    end
    render json: { error: "Validation failed: #{user.errors.full_messages.join(', ')}", details: details }, status: :unprocessable_entity
  end
end
