# frozen_string_literal: true

# Known servers: a materialized view, refreshed hourly by the scheduler.
class Instance < ApplicationRecord
  self.primary_key = :domain

  def self.refresh
    connection.execute('REFRESH MATERIALIZED VIEW CONCURRENTLY instances')
  end
end
