# frozen_string_literal: true

class SessionActivation < ApplicationRecord
  belongs_to :user
end
