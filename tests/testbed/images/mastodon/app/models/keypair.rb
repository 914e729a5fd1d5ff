# frozen_string_literal: true

class Keypair < ApplicationRecord
  belongs_to :account
  encrypts :private_key
  enum :type, { rsa: 0 }, prefix: true
end
