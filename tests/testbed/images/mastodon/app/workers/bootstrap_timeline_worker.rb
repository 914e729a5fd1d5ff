# frozen_string_literal: true

class BootstrapTimelineWorker
  include Sidekiq::Worker
  include Measured

  sidekiq_options queue: 'default'
  costs 10

  def perform(account_id)
    measured { FeedManager.instance.populate_home(Account.find(account_id)) }
  end
end
