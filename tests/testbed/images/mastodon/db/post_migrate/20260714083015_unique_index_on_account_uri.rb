# frozen_string_literal: true

class UniqueIndexOnAccountUri < ActiveRecord::Migration[7.2]
  disable_ddl_transaction!

  def up
    add_index :accounts, :uri, unique: true, where: "uri <> ''", algorithm: :concurrently, name: 'index_accounts_on_unique_uri'
    remove_index :accounts, name: 'index_accounts_on_uri', algorithm: :concurrently
  end

  def down
    add_index :accounts, :uri, algorithm: :concurrently
    remove_index :accounts, name: 'index_accounts_on_unique_uri', algorithm: :concurrently
  end
end
