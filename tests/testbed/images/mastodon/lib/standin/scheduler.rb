# frozen_string_literal: true

require_relative 'unique_lock'

module Standin
  # Plans the cron jobs and leaves the Redis keys of sidekiq-scheduler, which Debian does not carry.
  # Like the real one with `listened_queues_only`, it plans only where queue `scheduler` is served,
  # and every such process plans for itself: two of them draw different times and duplicate work.
  class Scheduler
    MINUTE = 60
    HOUR = 60 * MINUTE
    DAY = 24 * HOUR

    # name => seconds between runs; cadence of upstream's config/sidekiq.yml
    EVERY = {
      'scheduled_statuses' => 5 * MINUTE, 'trends_refresh' => 5 * MINUTE, 'trends_review_notifications' => 6 * HOUR,
      'indexing' => MINUTE, 'accounts_statuses_cleanup' => MINUTE, 'suspended_user_cleanup' => MINUTE,
      'software_update_check' => 30 * MINUTE, 'auto_close_registrations' => HOUR, 'collection_item_cleanup' => HOUR,
      'fasp_follow_recommendation_cleanup' => DAY, 'repair_remote_collections' => DAY
    }.freeze
    FIRST_IN = { 'repair_remote_collections' => MINUTE }.freeze

    # name => hours of the day, one minute of which each process draws at random
    DAILY = { 'vacuum' => 3..5, 'user_cleanup' => 4..6, 'ip_cleanup' => 3..5, 'follow_recommendations' => 6..9, 'pghero' => 0..0 }.freeze
    HOURLY = %w(instance_refresh).freeze

    def self.start(config)
      queues = config.capsules.values.flat_map(&:queues)
      return unless queues.include?('scheduler')

      scheduler = new
      Thread.new { scheduler.run }.tap { |thread| thread.name = 'scheduler' }
    end

    def initialize
      now = Time.now.utc
      @daily = DAILY.transform_values { |hours| Rational(rand((hours.min * 60)..[(hours.max * 60) - 1, hours.min * 60].max) * MINUTE) }
      @next = {}
      EVERY.each { |name, seconds| @next[name] = now + FIRST_IN.fetch(name, seconds) }
      HOURLY.each { |name| @next[name] = now.beginning_of_hour + HOUR }
      @daily.each_key { |name| @next[name] = next_daily(name, now) }
    end

    def run
      publish_plan
      loop do
        sleep [[@next.values.min - Time.now, 0.2].max, 5].min
        @next.select { |_, time| time <= Time.now }.each { |name, time| fire(name, time) }
      rescue StandardError => e
        Sidekiq.logger.warn("scheduler: #{e.class}: #{e.message}")
        sleep 5
      end
    end

    private

    def fire(name, time)
      @next[name] = following(name, time)
      job = "#{name}_scheduler"
      class_name = "Scheduler::#{job.camelize}"
      fresh = Sidekiq.redis do |redis|
        redis.call('HSET', 'sidekiq-scheduler:last_times', job, time.to_s)
        redis.call('HSET', 'sidekiq-scheduler:next_times', job, @next[name].to_s)
        redis.call('ZREMRANGEBYSCORE', "sidekiq-scheduler:pushed:#{job}", 0, time.to_i - DAY)
        redis.call('ZADD', "sidekiq-scheduler:pushed:#{job}", 'NX', time.to_i, time.to_i.to_s)
      end
      return unless fresh == 1 && UniqueLock.take(class_name)

      Sidekiq::Client.push('class' => class_name, 'queue' => 'scheduler', 'args' => [], 'retry' => 0)
    end

    def following(name, time)
      return time + EVERY[name] if EVERY.key?(name)

      HOURLY.include?(name) ? time + HOUR : time + DAY
    end

    def next_daily(name, now)
      today = now.beginning_of_day + @daily[name]
      today > now ? today : today + DAY
    end

    def publish_plan
      Sidekiq.redis do |redis|
        @next.each do |name, time|
          redis.call('HSET', 'sidekiq-scheduler:next_times', "#{name}_scheduler", time.to_s)
          redis.call('HSET', 'schedules', "#{name}_scheduler", { class: "Scheduler::#{name.camelize}Scheduler", queue: 'scheduler' }.to_json)
        end
        redis.call('ZADD', 'schedules_changed', Time.now.to_f, 'reload') if redis.call('EXISTS', 'schedules_changed').zero?
        redis.call('SET', 'uniquejobs:live', 'unique_jobs')
        redis.call('SET', 'uniquejobs:reaper', Time.now.to_i, 'EX', 600 + 60)
      end
    end
  end
end
