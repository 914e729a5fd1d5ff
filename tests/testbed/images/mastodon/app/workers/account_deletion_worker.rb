# frozen_string_literal: true

class AccountDeletionWorker
  include Sidekiq::Worker

  sidekiq_options queue: 'pull'

  def perform(account_id, _options = {})
    account = Account.find(account_id)
    account.user&.destroy!
    account.destroy!
  rescue ActiveRecord::RecordNotFound
    true
  end
end
