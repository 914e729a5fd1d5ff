# frozen_string_literal: true

require_relative 'exporter/client'
require_relative 'exporter/samples'
require_relative 'exporter/server'

module Standin
  # What MASTODON_PROMETHEUS_EXPORTER_* switch on: names, types and labels of captured/metrics/,
  # without the gem, which Debian does not carry. Booleans must be exactly `true`.
  module Exporter
    SAMPLE_SECONDS = 30

    module_function

    def enabled? = ENV['MASTODON_PROMETHEUS_EXPORTER_ENABLED'] == 'true'
    def local? = ENV['MASTODON_PROMETHEUS_EXPORTER_LOCAL'] == 'true'
    def detailed?(what) = ENV["MASTODON_PROMETHEUS_EXPORTER_#{what}_DETAILED_METRICS"] == 'true'

    def client
      @client ||= Client.new(host: ENV.fetch('PROMETHEUS_EXPORTER_HOST', 'localhost'), port: ENV.fetch('PROMETHEUS_EXPORTER_PORT', 9394).to_i)
    end

    # With LOCAL the process carries its own exporter; localhost only, unless HOST says otherwise.
    def start_local_server
      host = ENV.fetch('MASTODON_PROMETHEUS_EXPORTER_HOST', 'localhost')
      port = ENV.fetch('MASTODON_PROMETHEUS_EXPORTER_PORT', 9394).to_i
      server = Server.new(bind: host, port: port)
      Thread.new { server.start }
      ENV['PROMETHEUS_EXPORTER_PORT'] ||= port.to_s
    end

    def start_puma_master(stats)
      start_local_server if local?
      every_sample { Samples.puma(stats.call).each { |sample| client.set(*sample) } }
    end

    def start_puma_worker = every_sample { Samples.process('puma').each { |sample| client.set(*sample) } }

    # At the first heartbeat: before it the process does not see itself in Redis.
    def start_sidekiq
      return if @sampling

      @sampling = every_sample do
        samples = Samples.process('sidekiq') + Samples.sidekiq_process
        samples += Samples.sidekiq_queues + Samples.sidekiq_stats if detailed?('SIDEKIQ')
        samples.each { |sample| client.set(*sample) }
      end
    end

    def every_sample
      Thread.new do
        loop do
          yield
          sleep SAMPLE_SECONDS
        rescue StandardError => e
          warn "exporter: #{e.class}: #{e.message}"
          sleep SAMPLE_SECONDS
        end
      end
    end
  end
end
