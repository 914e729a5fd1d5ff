# frozen_string_literal: true

class Follow < ApplicationRecord
  belongs_to :account
  belongs_to :target_account, class_name: 'Account'

  after_create { bump(1) }
  after_destroy { bump(-1) }

  def activity_uri = uri.presence || "#{account.actor_uri}#follows/#{id}"

  private

  def bump(by)
    account.stat.increment!(:following_count, by)
    target_account.stat.increment!(:followers_count, by)
  end
end
