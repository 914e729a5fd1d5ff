# frozen_string_literal: true

class Webhook < ApplicationRecord
end
