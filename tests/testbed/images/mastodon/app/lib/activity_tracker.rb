# frozen_string_literal: true

# Redis counters behind the published activity figures: `activity:logins:<UTC midnight epoch>`.
class ActivityTracker
  include Redisable

  EXPIRE_AFTER = 6.months.to_i

  def initialize(prefix, type = :basic)
    @prefix = prefix
    @type = type
  end

  def add(value = 1)
    key = key_at(Time.now.utc)
    with_redis do |redis|
      @type == :unique ? redis.pfadd(key, value) : redis.incrby(key, value)
      redis.expire(key, EXPIRE_AFTER)
    end
  end

  # The past 28 days, today excluded.
  def month
    keys = (1..28).map { |days| key_at(days.days.ago) }
    with_redis { |redis| @type == :unique ? redis.pfcount(*keys) : redis.mget(*keys).sum(&:to_i) }
  end

  private

  def key_at(time) = "#{@prefix}:#{time.utc.beginning_of_day.to_i}"
end
