# frozen_string_literal: true

UserRole.everyone
{ 'Moderator' => [10, UserRole::MODERATOR], 'Admin' => [100, UserRole::ADMIN], 'Owner' => [1000, UserRole::OWNER] }.each do |name, (position, permissions)|
  UserRole.find_or_create_by!(name: name) { |role| role.assign_attributes(position: position, permissions: permissions, highlighted: true) }
end
Account.representative
