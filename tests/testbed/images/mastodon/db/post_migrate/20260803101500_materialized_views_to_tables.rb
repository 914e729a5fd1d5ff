# frozen_string_literal: true

# `instances` stays a materialized view.
class MaterializedViewsToTables < ActiveRecord::Migration[7.2]
  def up
    %w(account_summaries global_follow_recommendations).each do |view|
      execute "CREATE TABLE #{view}_copy AS SELECT * FROM #{view}"
      execute "DROP MATERIALIZED VIEW #{view}"
      execute "ALTER TABLE #{view}_copy RENAME TO #{view}"
      execute "CREATE UNIQUE INDEX index_#{view}_on_account_id ON #{view} (account_id)"
    end
  end

  def down
    raise ActiveRecord::IrreversibleMigration
  end
end
