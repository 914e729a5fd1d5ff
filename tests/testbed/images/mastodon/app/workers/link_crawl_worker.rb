# frozen_string_literal: true

# Costs 5 ms when there is no link; link previews are not imitated.
class LinkCrawlWorker
  include Sidekiq::Worker
  include Measured

  sidekiq_options queue: 'pull', retry: 0
  costs 5

  def perform(status_id)
    measured { Status.find_by(id: status_id) }
  end
end
