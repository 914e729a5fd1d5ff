# frozen_string_literal: true

class LocalNotificationWorker
  include Sidekiq::Worker
  include Measured

  sidekiq_options queue: 'default'
  costs 10

  def perform(account_id, activity_id, activity_class, type)
    measured do
      from = activity_class == 'Account' ? activity_id : activity_class.constantize.find(activity_id).account_id
      Notification.create!(account_id: account_id, from_account_id: from, activity_id: activity_id, activity_type: activity_class, type: type)
    end
  rescue ActiveRecord::RecordNotFound
    true
  end
end
