# frozen_string_literal: true

class Notification < ApplicationRecord
  belongs_to :account
  belongs_to :from_account, class_name: 'Account'
end
