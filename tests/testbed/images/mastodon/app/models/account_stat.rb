# frozen_string_literal: true

class AccountStat < ApplicationRecord
  belongs_to :account
end
