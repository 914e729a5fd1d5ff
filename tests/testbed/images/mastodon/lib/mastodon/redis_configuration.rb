# frozen_string_literal: true

module Mastodon
  # REDIS_URL or REDIS_HOST/PORT/DB/USER/PASSWORD; SIDEKIQ_ and CACHE_ prefixes are all-or-nothing.
  module RedisConfiguration
    module_function

    def url(prefix = nil)
      own = "#{prefix}REDIS_"
      return url if prefix && ENV["#{own}URL"].blank? && ENV["#{own}HOST"].blank?
      return ENV["#{own}URL"] if ENV["#{own}URL"].present?

      user, password = ENV.values_at("#{own}USER", "#{own}PASSWORD").map { |v| ERB::Util.url_encode(v.to_s) }
      login = password.empty? ? '' : "#{user}:#{password}@"
      "redis://#{login}#{ENV["#{own}HOST"].presence || 'localhost'}:#{ENV["#{own}PORT"].presence || 6379}/#{ENV["#{own}DB"].presence || 0}"
    end

    def base = { url: url }
    def sidekiq = { url: url('SIDEKIQ_') }

    # The pool is made here because Rails 7.2 cannot make one with Debian's connection_pool 3.
    def cache_options
      { namespace: 'cache', expires_in: 10.minutes, pool: false, redis: -> { cache_pool } }
    end

    def cache_pool
      ConnectionPool.new(size: ENV.fetch('MAX_THREADS', 5).to_i, timeout: 5) do
        Redis.new(url: url('CACHE_'), connect_timeout: 5, reconnect_attempts: 1)
      end
    end
  end
end
