# frozen_string_literal: true

require_relative 'base'
%w(accounts cache feeds media settings).each { |name| require_relative name }

module Mastodon
  module CLI
    class Main < Base
      desc 'accounts SUBCOMMAND ...ARGS', 'Manage accounts'
      subcommand 'accounts', Accounts
      desc 'cache SUBCOMMAND ...ARGS', 'Manage cache'
      subcommand 'cache', Cache
      desc 'feeds SUBCOMMAND ...ARGS', 'Manage feeds'
      subcommand 'feeds', Feeds
      desc 'media SUBCOMMAND ...ARGS', 'Manage media files'
      subcommand 'media', Media
      desc 'settings SUBCOMMAND ...ARGS', 'Manage dynamic settings'
      subcommand 'settings', Settings

      map %w(--version -v) => :version
      desc 'version', 'Show version'
      def version = say(Mastodon::Version.to_s)
    end
  end
end
