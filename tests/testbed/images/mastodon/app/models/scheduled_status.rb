# frozen_string_literal: true

class ScheduledStatus < ApplicationRecord
end
