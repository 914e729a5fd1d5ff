# frozen_string_literal: true

require 'net/http'

# HTTP requests to other servers, signed by an account (draft-cavage, rsa-sha256).
class SignedRequest
  TIMEOUTS = { open_timeout: 5, read_timeout: 10, write_timeout: 10 }.freeze
  ACCEPT = 'application/activity+json, application/ld+json'

  class Unreachable < StandardError; end

  def initialize(account = nil)
    @account = account
  end

  def post(url, body)
    request = Net::HTTP::Post.new(URI(url))
    request['Content-Type'] = 'application/activity+json'
    request['Digest'] = "SHA-256=#{Digest::SHA256.base64digest(body)}"
    request.body = body
    perform(url, request, %w(digest content-type))
  end

  def get(url, accept: ACCEPT)
    request = Net::HTTP::Get.new(URI(url))
    request['Accept'] = accept
    perform(url, request, %w(accept))
  end

  private

  def perform(url, request, signed_headers)
    uri = URI(url)
    request['Host'] = uri.port == uri.default_port ? uri.host : "#{uri.host}:#{uri.port}"
    request['Date'] = Time.now.httpdate
    request['User-Agent'] = "Mastodon/#{Mastodon::Version} (https://#{Mastodon::Domains.web}/)"
    sign(request, uri, signed_headers) if @account
    Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == 'https', **TIMEOUTS) { |http| http.request(request) }
  rescue SocketError
    raise Unreachable, "failed to connect: No address for #{uri.host} on #{url}"
  rescue SystemCallError, OpenSSL::SSL::SSLError, Timeout::Error => e
    raise Unreachable, "failed to connect: #{e.message} on #{url}"
  end

  def sign(request, uri, extra)
    names = ['host', 'date', *extra]
    lines = ["(request-target): #{request.method.downcase} #{uri.request_uri}", *names.map { |name| "#{name}: #{request[name]}" }]
    signature = Base64.strict_encode64(@account.signing_key.sign('SHA256', lines.join("\n")))
    request['Signature'] = %(keyId="#{@account.key_uri}",algorithm="rsa-sha256",headers="(request-target) #{names.join(' ')}",signature="#{signature}")
  end
end
