# frozen_string_literal: true

class UserInviteRequest < ApplicationRecord
  belongs_to :user
end
