# frozen_string_literal: true

class CreateKeypairs < ActiveRecord::Migration[7.2]
  def change
    create_table :keypairs do |t|
      t.bigint :account_id, null: false
      t.string :uri, null: false
      t.integer :type, null: false
      t.string :public_key, null: false
      t.string :private_key
      t.boolean :revoked, null: false, default: false
      t.timestamps null: false
      t.index :uri, unique: true
      t.index :account_id
    end
  end
end
