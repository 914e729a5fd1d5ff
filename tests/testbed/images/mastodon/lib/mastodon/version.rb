# frozen_string_literal: true

module Mastodon
  # Which release this image pretends to be; lib/standin/cut_release.rb wrote the file.
  module Version
    module_function

    def to_s
      @to_s ||= File.read(File.expand_path('../../RELEASE', __dir__)).strip.delete_prefix('v')
    end

    def minor = to_s.split('.').first(2).join('.')

    # `api_versions.mastodon` of /api/v2/instance, per minor.
    def api = { '4.4' => 6, '4.5' => 7, '4.6' => 11 }.fetch(minor, 12)

    # From 4.7 on, local signing keys live encrypted in `keypairs`.
    def keys_in_keypairs? = Gem::Version.new(to_s) >= Gem::Version.new('4.7')
  end
end
