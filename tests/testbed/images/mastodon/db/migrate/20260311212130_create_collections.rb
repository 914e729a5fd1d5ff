# frozen_string_literal: true

class CreateCollections < ActiveRecord::Migration[7.2]
  def change
    create_table :collections do |t|
      t.bigint :account_id, null: false
      t.string :name, null: false
      t.timestamps null: false
    end
    create_table :collection_items do |t|
      t.bigint :collection_id, null: false
      t.bigint :account_id
      t.timestamps null: false
    end
  end
end
