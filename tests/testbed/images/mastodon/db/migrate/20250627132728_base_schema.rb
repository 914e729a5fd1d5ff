# frozen_string_literal: true

require_relative '../../lib/standin/base_tables'

# The tables and columns that operators query, as of 4.4; the real schema has 115 tables.
class BaseSchema < ActiveRecord::Migration[7.2]
  def up
    timestamp_id_function
    Standin::BaseTables.create(self)
    materialized_views
  end

  private

  # Snowflake-like: milliseconds since the epoch << 16, the low bits from a sequence.
  def timestamp_id_function
    execute <<~SQL.squish
      CREATE OR REPLACE FUNCTION timestamp_id(table_name text) RETURNS bigint AS $$
        SELECT ((extract(epoch FROM clock_timestamp()) * 1000)::bigint << 16)
               | (nextval(table_name || '_id_seq') & 65535);
      $$ LANGUAGE sql VOLATILE;
    SQL
    %w(accounts statuses media_attachments).each { |table| execute "CREATE SEQUENCE IF NOT EXISTS #{table}_id_seq" }
  end

  def materialized_views
    execute <<~SQL.squish
      CREATE MATERIALIZED VIEW instances AS
        SELECT domain, count(*) AS accounts_count FROM accounts WHERE domain IS NOT NULL GROUP BY domain
    SQL
    execute 'CREATE UNIQUE INDEX index_instances_on_domain ON instances (domain)'
    execute <<~SQL.squish
      CREATE MATERIALIZED VIEW account_summaries AS
        SELECT id AS account_id, 'en'::text AS language, false AS sensitive FROM accounts WHERE suspended_at IS NULL
    SQL
    execute 'CREATE UNIQUE INDEX index_account_summaries_on_account_id ON account_summaries (account_id)'
    execute <<~SQL.squish
      CREATE MATERIALIZED VIEW global_follow_recommendations AS
        SELECT target_account_id AS account_id, count(*)::numeric AS rank, ARRAY['most_followed'::text] AS reason
        FROM follows GROUP BY target_account_id
    SQL
    execute 'CREATE UNIQUE INDEX index_global_follow_recommendations_on_account_id ON global_follow_recommendations (account_id)'
  end
end
