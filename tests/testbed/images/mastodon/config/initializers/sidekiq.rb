# frozen_string_literal: true

require Rails.root.join('lib/standin/scheduler')

ready_file = ENV['MASTODON_SIDEKIQ_READY_FILENAME'].presence
ready_file &&= Rails.root.join('tmp', ready_file)

Sidekiq.configure_server do |config|
  config.redis = Mastodon::RedisConfiguration.sidekiq
  config.logger.level = Logger.const_get(ENV.fetch('RAILS_LOG_LEVEL', 'info').upcase)

  config.on(:startup) do
    Standin::Scheduler.start(config)
    FileUtils.touch(ready_file) if ready_file
  end
  config.on(:shutdown) { FileUtils.rm_f(ready_file) if ready_file }
end

Sidekiq.configure_client { |config| config.redis = Mastodon::RedisConfiguration.sidekiq }
