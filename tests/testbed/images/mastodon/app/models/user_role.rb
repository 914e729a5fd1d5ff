# frozen_string_literal: true

class UserRole < ApplicationRecord
  # Permission bits.
  ADMIN_BIT = 1
  MODERATOR = 8 | 16 | 32 | 128 | 1024
  ADMIN = 2 | 8 | 16 | 32 | 64 | 128 | 1024 | 65_536
  OWNER = ADMIN_BIT
  EVERYONE_ID = -99

  has_many :users, foreign_key: :role_id, inverse_of: :role

  def self.everyone = find_or_create_by!(id: EVERYONE_ID) { |role| role.permissions = 65_536 }
end
