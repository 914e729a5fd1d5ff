# frozen_string_literal: true

# The base Redis, shared through a pool: `with_redis { |redis| … }` anywhere.
REDIS_POOL = ConnectionPool.new(size: ENV.fetch('MAX_THREADS', 5).to_i + 5, timeout: 5) do
  Redis.new(**Mastodon::RedisConfiguration.base, reconnect_attempts: 1, connect_timeout: 5)
end

module Redisable
  def with_redis(&) = REDIS_POOL.with(&)
end
