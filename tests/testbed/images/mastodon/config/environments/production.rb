# frozen_string_literal: true

Rails.application.configure do
  config.enable_reloading = false
  # Servers load everything before they fork or take work; a one-shot command only what it touches.
  # (What a boot costs is decided by STANDIN_BOOT_SECONDS, not by this.)
  config.eager_load = defined?(Puma::CLI) || defined?(Sidekiq::CLI) ? true : false
  config.consider_all_requests_local = false
  config.action_controller.perform_caching = true
  config.public_file_server.enabled = false # Standin::PublicFiles does it

  # /health answers without TLS and for any Host; nothing else does.
  config.force_ssl = true
  config.ssl_options = {
    redirect: { exclude: ->(request) { request.path.start_with?('/health') || request.headers['Host'].to_s.end_with?('.onion') } },
    hsts: { expires: 63_072_000 },
  }
  config.hosts = Mastodon::Domains.accepted
  config.host_authorization = {
    exclude: ->(request) { request.path == '/health' },
  }

  config.lograge.enabled = true # one line a request, as upstream
  config.log_level = ENV.fetch('RAILS_LOG_LEVEL', 'info').to_sym
  config.log_tags = [:request_id]
  config.logger = ActiveSupport::TaggedLogging.new(ActiveSupport::Logger.new($stdout, formatter: ActiveSupport::Logger::SimpleFormatter.new))
  config.active_record.dump_schema_after_migration = false
  config.i18n.fallbacks = true

  config.action_dispatch.default_headers = {
    'Server' => 'Mastodon',
    'X-Frame-Options' => 'DENY',
    'X-Content-Type-Options' => 'nosniff',
    'X-XSS-Protection' => '0',
    'Referrer-Policy' => 'same-origin',
  }
  # TRUSTED_PROXY_IP replaces the default list (loopback and private ranges).
  if ENV['TRUSTED_PROXY_IP'].present?
    config.action_dispatch.trusted_proxies = ENV['TRUSTED_PROXY_IP'].split(/(?:\s*,\s*|\s+)/).map { |range| IPAddr.new(range) }
  end
end
