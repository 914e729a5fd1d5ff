# frozen_string_literal: true

class SiteUpload < ApplicationRecord
end
