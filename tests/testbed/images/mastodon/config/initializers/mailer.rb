# frozen_string_literal: true

# SMTP_* as in Mastodon's config/email.yml.
smtp = ->(name, default = nil) { ENV["SMTP_#{name}"].presence || default }
truthy = ->(name) { smtp[name] == 'true' }

starttls = { enable_starttls_auto: true }
starttls = { enable_starttls_auto: smtp['ENABLE_STARTTLS_AUTO'] != 'false' } if smtp['ENABLE_STARTTLS_AUTO']
case smtp['ENABLE_STARTTLS']
when 'always' then starttls = { enable_starttls: true }
when 'never' then starttls = { enable_starttls: false }
when 'auto' then starttls = { enable_starttls_auto: true }
end
method = smtp['AUTH_METHOD', 'plain']

settings = {
  address: smtp['SERVER', 'localhost'],
  port: smtp['PORT', 25].to_i,
  user_name: smtp['LOGIN'],
  password: smtp['PASSWORD'],
  domain: smtp['DOMAIN', Mastodon::Domains.local],
  authentication: (method == 'none' || smtp['LOGIN'].nil? ? nil : method.to_sym),
  ca_file: smtp['CA_FILE', '/etc/ssl/certs/ca-certificates.crt'],
  openssl_verify_mode: smtp['OPENSSL_VERIFY_MODE'],
  open_timeout: 20,
  read_timeout: 20,
  tls: truthy['TLS'] || nil,
  ssl: truthy['SSL'] || nil,
  **starttls,
}.compact

Rails.application.configure do
  config.action_mailer.delivery_method = smtp['DELIVERY_METHOD', 'smtp'].to_sym
  config.action_mailer.smtp_settings = settings
  config.action_mailer.perform_caching = false
  config.action_mailer.raise_delivery_errors = true
  config.action_mailer.default_url_options = { host: Mastodon::Domains.web, protocol: 'https' }
  config.action_mailer.default_options = {
    from: smtp['FROM_ADDRESS', 'notifications@localhost'],
    reply_to: smtp['REPLY_TO'],
    return_path: smtp['RETURN_PATH'],
  }.compact
end
