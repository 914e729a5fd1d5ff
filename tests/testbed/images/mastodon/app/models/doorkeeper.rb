# frozen_string_literal: true

# The two tables of the OAuth provider, under the names console users know.
module Doorkeeper
  class Application < ApplicationRecord
    self.table_name = 'oauth_applications'

    def self.register(name:, redirect_uri:, scopes:, website: nil)
      create!(name: name, redirect_uri: redirect_uri, scopes: scopes, website: website,
              uid: SecureRandom.urlsafe_base64(32), secret: SecureRandom.urlsafe_base64(32))
    end
  end

  class AccessToken < ApplicationRecord
    self.table_name = 'oauth_access_tokens'

    def self.issue(application:, user: nil, scopes: 'read')
      create!(application_id: application&.id, resource_owner_id: user&.id, scopes: scopes,
              token: SecureRandom.urlsafe_base64(32), created_at: Time.now.utc)
    end

    def self.usable(token) = token.present? ? find_by(token: token, revoked_at: nil) : nil
    def allows?(scope) = scopes.to_s.split.any? { |own| scope == own || scope.start_with?("#{own}:") }
  end
end
