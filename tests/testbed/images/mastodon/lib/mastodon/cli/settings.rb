# frozen_string_literal: true

require_relative 'base'

module Mastodon
  module CLI
    class Registrations < Base
      desc 'open', 'Open registrations'
      def open = change('open')

      desc 'close', 'Close registrations'
      def close = change('none')

      desc 'approved', 'Open registrations, with approval'
      option :require_reason, type: :boolean, aliases: [:require_invite_text]
      def approved
        Setting.require_invite_text = options[:require_reason] unless options[:require_reason].nil?
        change('approved')
      end

      private

      def change(mode)
        Setting.registrations_mode = mode
        say('OK', :green)
      end
    end

    class Settings < Base
      desc 'registrations SUBCOMMAND ...ARGS', 'Manage state of registrations'
      subcommand 'registrations', Registrations
    end
  end
end
