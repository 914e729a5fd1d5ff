# frozen_string_literal: true

# The jobs of queue `scheduler`. Those with an effect that a test may look for are real, the
# others only run and are counted.
module Scheduler
  class Base
    include Sidekiq::Worker
    include Measured

    sidekiq_options queue: 'scheduler', retry: 0
    costs 5

    def perform
      measured { work }
    ensure
      Standin::UniqueLock.release(self.class.name)
    end

    private

    def work; end
  end

  class ScheduledStatusesScheduler < Base
    private

    def work
      ScheduledStatus.where(scheduled_at: ..Time.now.utc).find_each do |scheduled|
        PostStatus.new(Account.find(scheduled.account_id), text: scheduled.params['text']).call
        scheduled.destroy!
      end
    end
  end

  class InstanceRefreshScheduler < Base
    private

    def work = Instance.refresh
  end

  # Unconfirmed users go seven days after their last confirmation mail.
  class UserCleanupScheduler < Base
    private

    def work
      User.unconfirmed.where(confirmation_sent_at: ..7.days.ago).find_each { |user| user.account.tap { user.destroy! }.destroy! }
    end
  end

  # Applies the retention settings; without them remote media is kept for ever.
  class VacuumScheduler < Base
    private

    def work
      days = Setting.media_cache_retention_period.to_i
      return unless days.positive?

      MediaAttachment.cached.where(created_at: ...days.days.ago).find_each do |attachment|
        attachment.remove_files
        attachment.update!(file_file_name: nil, file_file_size: nil)
      end
    end
  end

  # Fails once post-deployment migrations of 4.7 turned the views into tables under an older release.
  class FollowRecommendationsScheduler < Base
    private

    def work
      return if Mastodon::Version.keys_in_keypairs?

      %w(account_summaries global_follow_recommendations).each do |view|
        ActiveRecord::Base.connection.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY #{view}")
      end
    end
  end

  %w(
    AccountsStatusesCleanup AutoCloseRegistrations CollectionItemCleanup FaspFollowRecommendationCleanup Indexing IpCleanup
    Pghero RepairRemoteCollections SoftwareUpdateCheck SuspendedUserCleanup TrendsRefresh TrendsReviewNotifications
  ).each { |name| const_set("#{name}Scheduler", Class.new(Base)) }
end
