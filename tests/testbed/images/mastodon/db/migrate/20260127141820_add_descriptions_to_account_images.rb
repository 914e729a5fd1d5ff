# frozen_string_literal: true

class AddDescriptionsToAccountImages < ActiveRecord::Migration[7.2]
  def change
    add_column :accounts, :avatar_description, :string, null: false, default: ''
    add_column :accounts, :header_description, :string, null: false, default: ''
  end
end
