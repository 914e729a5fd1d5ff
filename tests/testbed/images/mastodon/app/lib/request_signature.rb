# frozen_string_literal: true

# Checks the signature of an incoming request and tells whose it is.
class RequestSignature
  class Missing < StandardError; end
  class Invalid < StandardError; end
  class KeyUnavailable < StandardError; end

  # One key that cannot be fetched shuts its *source address* out for five minutes (captured).
  BREAKER = { threshold: 1, cool_off: 5.minutes.to_i }.freeze

  def initialize(request)
    @request = request
  end

  def present? = @request.headers['Signature'].present?

  # The Account that signed; raises Missing, Invalid or KeyUnavailable.
  def account
    raise Missing, 'Request not signed' unless present?

    parameters = @request.headers['Signature'].scan(/(\w+)="([^"]*)"/).to_h
    key_id = parameters['keyId'] or raise Invalid, 'Incompatible request signature. keyId and signature are required'
    signer = known(key_id) || fetch(key_id)
    raise Invalid, "Verification failed for #{signer.acct}" unless valid?(signer, parameters)

    signer
  end

  private

  def known(key_id) = Account.remote.find_by(uri: key_id.split('#').first)

  def fetch(key_id)
    breaker = Stoplight.new("source:#{@request.remote_ip}", **BREAKER)
    breaker.run { RemoteAccount.fetch(key_id) }
  rescue Stoplight::Open
    raise KeyUnavailable, 'Fetching attempt skipped because of recent connection failure'
  rescue SignedRequest::Unreachable => e
    raise KeyUnavailable, "Failed to fetch remote data: #{e.message}"
  end

  def valid?(signer, parameters)
    string = parameters['headers'].to_s.split.map do |name|
      next "(request-target): #{@request.method.downcase} #{@request.fullpath}" if name == '(request-target)'

      "#{name}: #{name == 'host' ? @request.headers['Host'] : @request.headers[name]}"
    end.join("\n")
    signature = Base64.decode64(parameters['signature'].to_s)
    digest_matches? && OpenSSL::PKey::RSA.new(signer.public_key).verify('SHA256', signature, string)
  end

  def digest_matches?
    given = @request.headers['Digest'].to_s[/SHA-256=(.+)/, 1]
    given.nil? || given == Digest::SHA256.base64digest(@request.raw_post)
  end
end
