# frozen_string_literal: true

# Finds the inboxes of remote followers and enqueues one delivery for each.
class ActivityPub::DistributionWorker
  include Sidekiq::Worker
  include Measured

  sidekiq_options queue: 'push'
  costs 12

  def perform(status_id)
    measured do
      status = Status.find(status_id)
      # Only those who are mentioned get it, and nobody is: mentions are not stood in for.
      next if status.direct_visibility?

      inboxes = status.account.followers.remote.pluck(Arel.sql("COALESCE(NULLIF(shared_inbox_url, ''), inbox_url)")).uniq
      json = ActivityPub::Documents.create(status).to_json
      inboxes.each { |inbox| ActivityPub::DeliveryWorker.perform_async(json, status.account_id, inbox) }
    end
  rescue ActiveRecord::RecordNotFound
    true
  end
end
