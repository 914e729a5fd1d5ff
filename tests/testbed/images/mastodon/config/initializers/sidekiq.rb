# frozen_string_literal: true

require 'sidekiq/api'
require Rails.root.join('lib/standin/scheduler')

ready_file = ENV['MASTODON_SIDEKIQ_READY_FILENAME'].presence
ready_file &&= Rails.root.join('tmp', ready_file)

Sidekiq.configure_server do |config|
  config.redis = Mastodon::RedisConfiguration.sidekiq
  config.logger.level = Logger.const_get(ENV.fetch('RAILS_LOG_LEVEL', 'info').upcase)

  if Standin::Exporter.enabled? && Standin::Exporter.detailed?('SIDEKIQ')
    config.server_middleware { |chain| chain.add Standin::Exporter::SidekiqMiddleware }
    config.death_handlers << ->(job, _error) { Standin::Exporter.client.add('sidekiq_dead_jobs_total', { job_name: job['class'], queue: job['queue'] }) }
  end

  config.on(:startup) do
    Standin::Scheduler.start(config)
    Standin::Exporter.start_local_server if Standin::Exporter.enabled? && Standin::Exporter.local?
    FileUtils.touch(ready_file) if ready_file
  end
  config.on(:heartbeat) { Standin::Exporter.start_sidekiq if Standin::Exporter.enabled? }
  config.on(:shutdown) { FileUtils.rm_f(ready_file) if ready_file }
end

Sidekiq.configure_client { |config| config.redis = Mastodon::RedisConfiguration.sidekiq }
