# frozen_string_literal: true

# Acts on a verified activity from another server. Anything else is read and dropped.
class ActivityPub::Incoming
  def initialize(actor, activity)
    @actor = actor
    @activity = activity
  end

  def process
    case @activity['type']
    when 'Create' then create
    when 'Delete' then delete
    when 'Follow' then follow
    when 'Undo' then undo
    end
  end

  private

  def object = @activity['object']

  def create
    return unless object.is_a?(Hash) && object['attributedTo'] == @actor.uri
    return if Status.unscoped.exists?(uri: object['id'])

    status = Status.create!(account: @actor, uri: object['id'], url: object['url'], text: object['content'].to_s, local: false,
                            visibility: Array(object['to']).include?(ActivityPub::Documents::PUBLIC) ? :public : :private)
    DistributionWorker.perform_async(status.id)
  end

  def delete
    uri = object.is_a?(Hash) ? object['id'] : object
    return AccountDeletionWorker.perform_async(@actor.id, {}) if uri == @actor.uri

    Status.where(account: @actor, uri: uri).update_all(deleted_at: Time.now.utc)
  end

  def follow
    target = local_account(object)
    return if target.nil?

    follow = Follow.create_with(uri: @activity['id']).find_or_create_by!(account: @actor, target_account: target)
    LocalNotificationWorker.perform_async(target.id, follow.id, 'Follow', 'follow')
    ActivityPub::DeliveryWorker.perform_async(ActivityPub::Documents.accept(follow).to_json, target.id, @actor.inbox_url)
  end

  def undo
    return unless object.is_a?(Hash) && object['type'] == 'Follow'

    target = local_account(object['object'])
    Follow.where(account: @actor, target_account: target).destroy_all if target
  end

  def local_account(uri)
    id = uri.to_s[%r{\A#{Regexp.escape(Mastodon::Domains.url('/ap/users/'))}(\d+)\z}, 1]
    Account.local.find_by(id: id) if id
  end
end
