# frozen_string_literal: true

class ApplicationMailer < ActionMailer::Base
  class_attribute :cost_ms, default: { default: 30 }

  around_deliver :spend_measured_cpu

  private

  # CPU is burnt, the SMTP server's answer time is really waited for.
  def spend_measured_cpu(&)
    Standin::Cost.spend(cost_ms.fetch(action_name.to_sym, cost_ms[:default]), &)
  end
end
