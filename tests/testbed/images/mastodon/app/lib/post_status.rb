# frozen_string_literal: true

# Stores a local post and enqueues what follows from it. Redis is asked first, so that without
# it nothing is stored (captured).
class PostStatus
  include Redisable

  PERIOD = 3.hours.to_i
  IDEMPOTENCY = 1.hour.to_i

  def initialize(account, text:, visibility: 'public', media_ids: [], in_reply_to_id: nil, language: 'en', idempotency: nil)
    @account = account
    @attributes = { text: text, visibility: visibility.presence || 'public', in_reply_to_id: in_reply_to_id, language: language }
    @media = media_ids
    @key = "idempotency:status:#{account.id}:#{idempotency}" if idempotency.present?
  end

  def call
    known = posted_before
    return known if known

    count_against_limit
    status = Status.create!(@attributes.merge(account: @account, local: true))
    status.update!(uri: status.object_uri, url: nil)
    MediaAttachment.where(id: @media, account: @account, status_id: nil).update_all(status_id: status.id) if @media.any?
    DistributionWorker.perform_async(status.id)
    TriggerWebhookWorker.perform_async('status.created', 'Status', status.id)
    ActivityTracker.new('activity:statuses:local').add(1)
    with_redis { |redis| redis.set(@key, status.id, ex: IDEMPOTENCY) } if @key
    status
  end

  private

  def posted_before
    id = with_redis { |redis| redis.get(@key) } if @key
    Status.find_by(id: id) if id
  end

  def count_against_limit
    slot = Time.now.to_i / PERIOD
    key = "rate_limit:#{@account.id}:statuses:#{slot}"
    with_redis do |redis|
      redis.incr(key)
      redis.expire(key, PERIOD)
    end
  end
end
