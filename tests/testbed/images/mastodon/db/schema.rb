# frozen_string_literal: true

# A fresh database gets everything this release knows at once, ordinary and post-deployment,
# as Mastodon's generated schema does. Here it is made by running the migrations silently.
paths = %w(db/migrate db/post_migrate).map { |dir| Rails.root.join(dir).to_s }

ActiveRecord::Schema[7.2].define(version: File.read(Rails.root.join('db/schema_version')).to_i) do
  context = ActiveRecord::MigrationContext.new(paths)
  context.migrations.sort_by(&:version).each do |migration|
    migration.send(:migration).class.disable_ddl_transaction = true
    migration.send(:migration).exec_migration(connection, :up)
  end
end
