# frozen_string_literal: true

class IpBlock < ApplicationRecord
  enum :severity, { sign_up_requires_approval: 5000, sign_up_block: 5500, no_access: 9999 }, prefix: true

  def self.approval_required?(address)
    severity_sign_up_requires_approval.where('expires_at IS NULL OR expires_at > now()').where('ip >>= ?::inet', address.to_s).exists?
  end
end
