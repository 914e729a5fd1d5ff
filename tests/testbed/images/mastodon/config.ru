# frozen_string_literal: true

require_relative 'config/environment'

# The real web process reads its database while it boots and cannot start without it (captured:
# `Unable to load application: ActiveRecord::DatabaseConnectionError`, exit 1 within 3 s).
begin
  ActiveRecord::Base.connection.verify!
rescue ActiveRecord::ConnectionNotEstablished
  raise ActiveRecord::DatabaseConnectionError.hostname_error(ActiveRecord::Base.connection_db_config.host)
end
ActiveRecord::Base.connection_handler.clear_all_connections!

run Rails.application
