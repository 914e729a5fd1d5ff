# frozen_string_literal: true

module Mastodon
  # LOCAL_DOMAIN names accounts, WEB_DOMAIN serves them, ALTERNATE_DOMAINS are accepted too.
  module Domains
    module_function

    def local = ENV['LOCAL_DOMAIN'].presence || 'localhost'
    def web = ENV['WEB_DOMAIN'].presence || local
    def accepted = ([local, web] + ENV['ALTERNATE_DOMAINS'].to_s.split(/\s*,\s*/)).uniq
    def streaming = ENV['STREAMING_API_BASE_URL'].presence || "wss://#{web}"
    def url(path) = "https://#{web}#{path}"
  end
end
