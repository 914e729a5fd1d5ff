# frozen_string_literal: true

# A circuit breaker in Redis under the key shape of the real one: `stoplight:v5:metadata:<name>`.
class Stoplight
  include Redisable

  class Open < StandardError; end

  def initialize(name, threshold:, cool_off:)
    @key = "stoplight:v5:metadata:#{name}"
    @name = name
    @threshold = threshold
    @cool_off = cool_off
  end

  def run
    raise Open, @name if open?

    result = yield
    with_redis { |redis| redis.hset(@key, 'errors', 0, 'last_success_at', now) }
    result
  rescue Open
    raise
  rescue StandardError
    failed
    raise
  end

  def open?
    errors, since = with_redis { |redis| redis.hmget(@key, 'errors', 'last_error_at') }
    errors.to_i >= @threshold && now - since.to_f < @cool_off
  end

  def failed
    with_redis do |redis|
      redis.hincrby(@key, 'errors', 1)
      redis.hset(@key, 'last_error_at', now)
      redis.expire(@key, 1.day.to_i)
    end
  end

  private

  def now = Time.now.to_f
end
