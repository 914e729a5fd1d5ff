# frozen_string_literal: true

class AddFilteredToNotifications < ActiveRecord::Migration[7.2]
  def change
    add_column :notifications, :filtered, :boolean, null: false, default: false
  end
end
