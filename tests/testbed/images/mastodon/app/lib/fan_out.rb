# frozen_string_literal: true

# What DistributionWorker does with a post, local or remote.
class FanOut
  include Redisable

  def initialize(status)
    @status = status
  end

  def call
    insert_into_feeds
    publish if @status.public_visibility?
    deliver if @status.local?
  end

  private

  def insert_into_feeds
    FeedManager.instance.push_to_home(@status.account, @status) if @status.account.local?
    return if @status.direct_visibility?

    @status.account.followers.local.pluck(:id).each_slice(500) do |ids|
      FeedInsertWorker.perform_bulk(ids.map { |id| [@status.id, id, 'home', {}] })
    end
  end

  def publish
    event = StreamEvent.update(@status)
    scope = @status.local? ? 'timeline:public:local' : 'timeline:public:remote'
    with_redis { |redis| ['timeline:public', scope].each { |channel| redis.publish(channel, event) } }
  end

  def deliver
    ActivityPub::DistributionWorker.perform_async(@status.id)
    LinkCrawlWorker.perform_async(@status.id)
  end
end
