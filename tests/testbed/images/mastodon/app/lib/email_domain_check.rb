# frozen_string_literal: true

require 'resolv'

# An address is refused as `unreachable` unless its domain has an MX, A or AAAA record.
class EmailDomainCheck
  TIMEOUT_SECONDS = 5

  def initialize(email)
    @email = email.to_s
    @domain = @email[/@([^@\s]+)\z/, 1]
  end

  def problem
    return 'invalid' if @domain.nil?
    return listed?('EMAIL_DOMAIN_ALLOWLIST') ? nil : 'blocked' if ENV['EMAIL_DOMAIN_ALLOWLIST'].present?
    return 'blocked' if listed?('EMAIL_DOMAIN_DENYLIST')

    'unreachable' unless resolvable?
  end

  private

  def listed?(variable)
    ENV[variable].to_s.split('|').any? { |entry| @domain == entry || @domain.end_with?(".#{entry}") }
  end

  def resolvable?
    Resolv::DNS.open do |dns|
      dns.timeouts = TIMEOUT_SECONDS
      [Resolv::DNS::Resource::IN::MX, Resolv::DNS::Resource::IN::A, Resolv::DNS::Resource::IN::AAAA].any? do |kind|
        dns.getresources(@domain, kind).any?
      end
    end
  end
end
