# frozen_string_literal: true

class AccountDeletionRequest < ApplicationRecord
end
