# frozen_string_literal: true

module Standin
  # One lock per scheduler job, `until_executed`: a killed process leaves it behind until it expires.
  module UniqueLock
    TTL_SECONDS = 24 * 60 * 60

    module_function

    def take(class_name)
      Sidekiq.redis { |redis| redis.call('SET', key(class_name), Time.now.to_f.to_s, 'NX', 'EX', TTL_SECONDS) } == 'OK'
    end

    def release(class_name) = Sidekiq.redis { |redis| redis.call('DEL', key(class_name)) }

    def key(class_name) = "uniquejobs:#{Digest::MD5.hexdigest(class_name)}:LOCKED"
  end
end
