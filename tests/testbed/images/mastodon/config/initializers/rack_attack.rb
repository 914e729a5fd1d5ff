# frozen_string_literal: true

# Limits of upstream's config/initializers/rack_attack.rb; loopback is counted too (captured).
class Rack::Attack
  class Request
    def address = (@address ||= ActionDispatch::Request.new(env).remote_ip.to_s)
    def api? = path.start_with?('/api')
    def token = get_header('HTTP_AUTHORIZATION').to_s[/\ABearer (.+)/, 1] || params['access_token']
    def media? = post? && path.match?(%r{\A/api/v\d+/media\z}i)
  end

  throttle('throttle_authenticated_api', limit: 300, period: 5.minutes) { |r| r.token if r.api? && r.token }
  throttle('throttle_unauthenticated_api', limit: 300, period: 5.minutes) { |r| r.address if r.api? && !r.token }
  throttle('throttle_api_media', limit: 30, period: 30.minutes) { |r| r.token if r.media? }
  throttle('throttle_api_sign_up', limit: 5, period: 30.minutes) { |r| r.address if r.post? && r.path == '/api/v1/accounts' }
  throttle('throttle_apps', limit: 5, period: 10.minutes) { |r| r.address if r.post? && r.path == '/api/v1/apps' }
  throttle('throttle_sign_up', limit: 25, period: 5.minutes) { |r| r.address if r.post? && r.path == '/auth' }
  throttle('throttle_login', limit: 25, period: 5.minutes) { |r| r.address if r.post? && r.path == '/auth/sign_in' }

  self.throttled_responder = lambda do |request|
    match = request.env['rack.attack.match_data']
    now = Time.now.utc
    headers = {
      'content-type' => 'application/json',
      'x-ratelimit-limit' => match[:limit].to_s,
      'x-ratelimit-remaining' => '0',
      'x-ratelimit-reset' => (now + (match[:period] - (now.to_i % match[:period]))).iso8601(6),
    }
    [429, headers, [{ error: 'Too many requests' }.to_json]]
  end
end
