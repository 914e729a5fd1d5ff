# frozen_string_literal: true

# Boot stops here when a key is missing (captured: puma says `SystemExit:` and exits 1).
KEYS = %w(
  ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY
  ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT
  ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY
).freeze

if ENV['SECRET_KEY_BASE_DUMMY']
  KEYS.each { |key| ENV[key] = SecureRandom.hex(16) if ENV[key].blank? }
else
  missing = KEYS.select { |key| ENV[key].blank? }
  abort <<~MESSAGE unless missing.empty?

    Mastodon now requires that these variables are set:

    #{KEYS.map { |key| "  - #{key}" }.join("\n")}

    Missing: #{missing.join(', ')}. Run `bin/rails db:encryption:init` to generate values, then keep them:
    changing them later makes encrypted data unreadable.
  MESSAGE

  marked = KEYS.select { |key| ENV[key].end_with?('DO_NOT_USE_IN_PRODUCTION') }
  abort "#{marked.join(', ')}: a development value is set in production" if marked.any? && Rails.env.production?
end

Rails.application.configure do
  config.active_record.encryption.deterministic_key = ENV.fetch('ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY')
  config.active_record.encryption.key_derivation_salt = ENV.fetch('ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT')
  config.active_record.encryption.primary_key = ENV.fetch('ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY')
end
