# frozen_string_literal: true

class Backup < ApplicationRecord
end
