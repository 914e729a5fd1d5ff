# frozen_string_literal: true

class ActivityPub::DeliveryWorker
  include Sidekiq::Worker
  include Measured

  FAILURES_UNTIL_OPEN = 10
  COOL_OFF = 60

  sidekiq_options queue: 'push', retry: 16, dead: false
  costs 9.9

  def perform(json, source_account_id, inbox_url, _options = {})
    breaker = Stoplight.new(inbox_url, threshold: FAILURES_UNTIL_OPEN, cool_off: COOL_OFF)
    measured do
      account = Account.find(source_account_id)
      breaker.run do
        response = SignedRequest.new(account).post(inbox_url, json)
        raise "#{inbox_url} returned code #{response.code}" unless acceptable?(response.code.to_i)
      end
    end
  end

  private

  # 4xx other than 401, 408 and 429 will not get better by trying again.
  def acceptable?(code) = (200...300).cover?(code) || ((400...500).cover?(code) && [401, 408, 429].exclude?(code))
end
