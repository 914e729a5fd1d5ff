# frozen_string_literal: true

# Fans a new post out: one FeedInsertWorker per local follower, live timelines, federation.
class DistributionWorker
  include Sidekiq::Worker
  include Measured

  sidekiq_options queue: 'default'
  costs 12

  def perform(status_id, _options = {})
    measured { FanOut.new(Status.find(status_id)).call }
  rescue ActiveRecord::RecordNotFound
    true
  end
end
