# frozen_string_literal: true

class ActivityPub::ProcessingWorker
  include Sidekiq::Worker
  include Measured

  sidekiq_options queue: 'ingress', retry: 8
  costs 35

  def perform(actor_id, body, _delivered_to_account_id = nil, _actor_type = 'Account')
    measured { ActivityPub::Incoming.new(Account.find(actor_id), JSON.parse(body)).process }
  rescue ActiveRecord::RecordNotFound
    true
  end
end
