# frozen_string_literal: true

module Standin
  module Exporter
    # Time spent in Redis by this thread, for the web metrics.
    module RedisTime
      def call(command, config) = timed { super }
      def call_pipelined(commands, config) = timed { super }

      private

      def timed
        started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        yield
      ensure
        Thread.current[:redis_seconds] = Thread.current[:redis_seconds].to_f + (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started)
      end
    end

    # Counts and times requests, labelled with the real server's controllers.
    class WebMiddleware
      NAMES = {
        'pages#home' => %w(home index), 'pages#about' => %w(about show), 'pages#profile' => %w(accounts show),
        'auth#sign_in_form' => %w(auth/sessions new), 'auth#sign_in' => %w(auth/sessions create), 'auth#confirm' => %w(auth/confirmations show),
        'auth#register' => %w(auth/registrations create), 'auth#sign_up_form' => %w(auth/registrations new),
        'well_known#webfinger' => %w(well_known/webfinger show), 'well_known#nodeinfo' => %w(well_known/node_info show),
        'well_known#nodeinfo_index' => %w(well_known/node_info index), 'well_known#host_meta' => %w(well_known/host_meta show),
        'api/instances#v2' => %w(api/v2/instances show), 'api/instances#v1' => %w(api/v1/instances show),
        'api/timelines#home' => %w(api/v1/timelines/home show), 'api/timelines#public' => %w(api/v1/timelines/public show),
        'api/statuses#create' => %w(api/v1/statuses create), 'api/statuses#show' => %w(api/v1/statuses show),
        'api/accounts#create' => %w(api/v1/accounts create), 'api/media#create' => %w(api/v2/media create),
        'api/accounts#verify_credentials' => %w(api/v1/accounts/credentials show), 'oauth#token' => %w(oauth/tokens create)
      }.freeze

      def initialize(app)
        @app = app
        ActiveSupport::Notifications.subscribe('sql.active_record') do |event|
          Thread.current[:sql_seconds] = Thread.current[:sql_seconds].to_f + (event.duration / 1000)
        end
        RedisClient.register(RedisTime)
      end

      def call(env)
        Thread.current[:sql_seconds] = Thread.current[:redis_seconds] = 0.0
        started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        status, headers, body = @app.call(env)
        [status, headers, body]
      ensure
        report(env, status || 500, Process.clock_gettime(Process::CLOCK_MONOTONIC) - started)
      end

      private

      def report(env, status, seconds)
        client = Exporter.client
        queued(env)&.then { |waited| client.observe('http_request_queue_duration_seconds', labels(env), waited) }
        return unless Exporter.detailed?('WEB')

        client.add('http_requests_total', { **labels(env), status: status.to_s })
        client.observe('http_request_duration_seconds', labels(env), seconds)
        client.observe('http_request_sql_duration_seconds', labels(env), Thread.current[:sql_seconds])
        client.observe('http_request_redis_duration_seconds', labels(env), Thread.current[:redis_seconds])
      end

      def labels(env)
        controller = env['action_controller.instance']
        return { action: 'other', controller: 'other' } if controller.nil?

        name, action = NAMES.fetch("#{controller.controller_path}##{controller.action_name}", [controller.controller_path, controller.action_name])
        { action: action, controller: name }
      end

      # `X-Request-Start: t=1795323485572`: the first ten digits are seconds.
      def queued(env)
        digits = env['HTTP_X_REQUEST_START'].to_s.delete('t=.')
        return if digits.length < 10

        [Time.now.to_f - (digits.to_f / (10**(digits.length - 10))), 0].max
      end
    end

    class SidekiqMiddleware
      include Sidekiq::ServerMiddleware

      def call(_instance, job, queue)
        labels = { job_name: job['class'], queue: queue }
        started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        result = yield
        Exporter.client.add('sidekiq_jobs_total', labels)
        result
      rescue Sidekiq::Shutdown
        Exporter.client.add('sidekiq_restarted_jobs_total', labels)
        raise
      rescue StandardError
        Exporter.client.add('sidekiq_failed_jobs_total', labels)
        Exporter.client.add('sidekiq_jobs_total', labels)
        raise
      ensure
        Exporter.client.observe('sidekiq_job_duration_seconds', labels, Process.clock_gettime(Process::CLOCK_MONOTONIC) - started)
      end
    end
  end
end
