# frozen_string_literal: true

require 'action_dispatch/middleware/static'

module Standin
  # Serves public/ with the cache headers of upstream's dist/nginx.conf.
  class PublicFiles
    MONTH = 28 * 24 * 60 * 60
    ASSETS = %r{\A/(?:assets|avatars|emoji|headers|ocr|packs|sounds)/}

    def initialize(app)
      @app = app
      @files = ActionDispatch::FileHandler.new(Rails.public_path.to_s)
    end

    def call(env)
      return @app.call(env) unless %w(GET HEAD).include?(env['REQUEST_METHOD'])

      status, headers, body = @files.attempt(env)
      return @app.call(env) unless status

      [status, headers.merge(cache_headers(env['PATH_INFO'])), body]
    end

    private

    def cache_headers(path)
      case path
      when ASSETS
        { 'cache-control' => "public, max-age=#{MONTH}, must-revalidate" }
      when %r{\A/system/}
        { 'cache-control' => "public, max-age=#{MONTH}, immutable", 'x-content-type-options' => 'nosniff',
          'content-security-policy' => "default-src 'none'; form-action 'none'" }
      else
        { 'cache-control' => 'public, max-age=604800, must-revalidate' }
      end
    end
  end
end
