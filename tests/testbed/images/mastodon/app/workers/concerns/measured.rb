# frozen_string_literal: true

# `costs 9.8`: milliseconds of CPU that one job of this class needs (tests/captured/README.md).
module Measured
  extend ActiveSupport::Concern

  included { class_attribute :cost_ms, default: 1 }

  class_methods do
    def costs(milliseconds) = self.cost_ms = milliseconds
  end

  private

  def measured(&) = Standin::Cost.spend(cost_ms, &)
end
