# frozen_string_literal: true

class FeedInsertWorker
  include Sidekiq::Worker
  include Measured

  sidekiq_options queue: 'default'
  costs 9.8

  def perform(status_id, account_id, _type = 'home', _options = {})
    measured do
      status = Status.find(status_id)
      FeedManager.instance.push_to_home(Account.find(account_id), status)
    end
  rescue ActiveRecord::RecordNotFound
    true
  end
end
