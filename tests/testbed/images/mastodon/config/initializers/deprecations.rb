# frozen_string_literal: true

if ENV['REDIS_NAMESPACE'].present?
  abort 'ERROR: the REDIS_NAMESPACE environment variable is no longer supported, migrate its keys first.'
end
