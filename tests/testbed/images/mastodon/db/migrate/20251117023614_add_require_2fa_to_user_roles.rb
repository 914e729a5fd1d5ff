# frozen_string_literal: true

class AddRequire2faToUserRoles < ActiveRecord::Migration[7.2]
  def change
    add_column :user_roles, :require_2fa, :boolean, null: false, default: false
  end
end
