# frozen_string_literal: true

require_relative 'base'

module Mastodon
  module CLI
    class Feeds < Base
      desc 'build [USERNAME]', 'Build home and list feeds for one or all users'
      option :all, type: :boolean
      option :concurrency, type: :numeric, default: 5, aliases: [:c]
      option :skip_filled_timelines, type: :boolean
      def build(username = nil)
        if username
          FeedManager.instance.populate_home(find_local_user(username).account)
          return say('OK', :green)
        end

        users = options[:all] ? User.confirmed : User.confirmed.signed_in_recently
        accounts = users.includes(:account).map(&:account)
        accounts.each { |account| FeedManager.instance.populate_home(account) }
        say("Regenerated feeds for #{accounts.size} accounts", :green)
      end

      desc 'clear', 'Remove all home and list feeds from Redis'
      def clear
        FeedManager.instance.clear
        say('OK', :green)
      end
    end
  end
end
