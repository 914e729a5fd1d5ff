# frozen_string_literal: true

max_threads = ENV.fetch('MAX_THREADS', 5).to_i
threads ENV.fetch('MIN_THREADS', max_threads).to_i, max_threads
persistent_timeout ENV.fetch('PERSISTENT_TIMEOUT', 20).to_i

if ENV['SOCKET']
  bind "unix://#{ENV['SOCKET']}"
else
  bind "tcp://#{ENV.fetch('BIND', '127.0.0.1')}:#{ENV.fetch('PORT', 3000)}"
end

environment ENV.fetch('RAILS_ENV', 'development')
workers ENV.fetch('WEB_CONCURRENCY', 2).to_i
preload_app!

# Puma 8 renamed its hooks; older ones are gone.
before_worker_boot do
  ActiveRecord::Base.establish_connection
  Standin::Exporter.start_puma_worker if Standin::Exporter.enabled?
end

after_booted do
  Standin::Exporter.start_puma_master(-> { Puma.stats_hash }) if Standin::Exporter.enabled?
end
