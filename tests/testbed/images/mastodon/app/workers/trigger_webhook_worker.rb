# frozen_string_literal: true

class TriggerWebhookWorker
  include Sidekiq::Worker
  include Measured

  sidekiq_options queue: 'default'
  costs 4

  def perform(event, _class_name, _id)
    measured { Webhook.where(enabled: true).where('? = ANY (events)', event).load }
  end
end
