# frozen_string_literal: true

# What the instance publishes about itself.
module Instance::Figures
  module_function

  def users
    Rails.cache.fetch('user_count', expires_in: 1.hour) { User.confirmed.joins(:account).where(accounts: { suspended_at: nil }).count }
  end

  def posts
    Rails.cache.fetch('local_status_count', expires_in: 10.minutes) { AccountStat.joins(:account).where(accounts: { domain: nil }).sum(:statuses_count).to_i }
  end

  def domains
    Rails.cache.fetch('distinct_domain_count', expires_in: 1.hour) { ActiveRecord::Base.connection.select_value('SELECT count(*) FROM instances').to_i }
  end

  # Straight from Redis and not rescued: this is why /api/v2/instance fails without Redis.
  def active_month
    month = ActivityTracker.new('activity:logins', :unique).month
    Rails.cache.fetch('active_user_count/4', expires_in: 5.minutes) { month }
  end
end
