# frozen_string_literal: true

# A stand-in for Mastodon, for tests only: a small Rails application that answers,
# stores, queues and fails as the real one was measured to. See tests/testbed/README.md.
require_relative 'boot'

require 'rails'
require 'active_record/railtie'
require 'active_job/railtie'
require 'action_controller/railtie'
require 'action_mailer/railtie'

ActiveSupport::LogSubscriber.colorize_logging = false # before dotenv says what it loaded
Bundler.require(*Rails.groups)

require_relative '../lib/mastodon/version'
require_relative '../lib/mastodon/domains'
require_relative '../lib/mastodon/redis_configuration'
require_relative '../lib/standin/cost_middleware'
require_relative '../lib/standin/exporter'
require_relative '../lib/standin/public_files'

module Mastodon
  class Application < Rails::Application
    config.load_defaults 7.2
    config.autoload_lib(ignore: %w(mastodon standin tasks))
    config.time_zone = 'UTC'
    config.active_record.default_timezone = :utc
    config.active_job.queue_adapter = :sidekiq
    config.action_mailer.deliver_later_queue_name = 'mailers'
    config.cache_store = :redis_cache_store, Mastodon::RedisConfiguration.cache_options
    config.session_store :cookie_store, key: '_mastodon_session', secure: true, same_site: :lax

    config.middleware.insert_before 0, Standin::CostMiddleware
    config.middleware.insert_after Standin::CostMiddleware, Rack::Cors do
      allow do
        origins '*'
        resource '/.well-known/*', headers: :any, methods: [:get]
        resource '/nodeinfo/*', headers: :any, methods: [:get]
        resource '/@:username', headers: :any, methods: [:get], credentials: false
        resource '/users/:username', headers: :any, methods: [:get], credentials: false
        resource '/ap/*', headers: :any, methods: [:get], credentials: false
        resource '/api/*', headers: :any, methods: %i(post put delete get patch options),
                           expose: %w(Link X-RateLimit-Reset X-RateLimit-Limit X-RateLimit-Remaining X-Request-Id)
        resource '/oauth/token', headers: :any, methods: [:post]
      end
    end
    config.middleware.use Rack::Attack
    if Standin::Exporter.enabled?
      require_relative '../lib/standin/exporter/middleware'
      config.middleware.unshift Standin::Exporter::WebMiddleware
    end
    config.middleware.insert_before Rack::Runtime, Standin::PublicFiles if ENV['RAILS_SERVE_STATIC_FILES'] == 'true'

    # db/post_migrate counts unless the variable is set at all: `false` and '' skip as well.
    config.paths['db/migrate'] << 'db/post_migrate' unless ENV['SKIP_POST_DEPLOYMENT_MIGRATIONS']
  end
end
