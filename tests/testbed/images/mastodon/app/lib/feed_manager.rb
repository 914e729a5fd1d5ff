# frozen_string_literal: true

# Home feeds: sorted sets `feed:home:<account>` of at most 800 post ids.
class FeedManager
  include Singleton
  include Redisable

  MAX_ITEMS = 800
  REGENERATION_EXPIRY = 1.day.to_i

  def push_to_home(account, status)
    with_redis do |redis|
      key = key_of(account.id)
      redis.zadd(key, status.id, status.id)
      redis.zremrangebyrank(key, 0, -(MAX_ITEMS + 1))
      # Published only while a streaming process keeps the subscription key alive.
      return unless redis.exists?("subscribed:timeline:#{account.id}")

      redis.publish("timeline:#{account.id}", StreamEvent.update(status))
    end
  end

  def home(account, limit:, max_id: nil)
    upper = max_id ? "(#{max_id}" : '+inf'
    ids = with_redis { |redis| redis.zrevrangebyscore(key_of(account.id), upper, '-inf', limit: [0, limit]) }
    found = Status.where(id: ids).includes(:account, :media_attachments).index_by(&:id)
    ids.filter_map { |id| found[id.to_i] }
  end

  def populate_home(account)
    with_redis { |redis| redis.set("account:#{account.id}:regeneration", '1', ex: REGENERATION_EXPIRY) }
    ids = Status.where(account_id: account.following.select(:id)).or(Status.where(account_id: account.id))
                .order(id: :desc).limit(MAX_ITEMS / 2).pluck(:id)
    with_redis do |redis|
      redis.del(key_of(account.id))
      redis.zadd(key_of(account.id), ids.map { |id| [id, id] }) if ids.any?
      redis.del("account:#{account.id}:regeneration")
    end
  end

  def clear
    with_redis { |redis| redis.scan_each(match: 'feed:*') { |key| redis.del(key) } }
  end

  private

  def key_of(account_id) = "feed:home:#{account_id}"
end
