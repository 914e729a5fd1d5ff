# frozen_string_literal: true

class CustomEmoji < ApplicationRecord
end
