# frozen_string_literal: true

require_relative '../../../config/environment'
require 'thor'

module Mastodon
  module CLI
    class Base < Thor
      def self.exit_on_failure? = true

      private

      def fail_with_message(message) = raise(Thor::Error, message)

      # Captured form: `Failure/Error: account.username` and, indented, why.
      def report_errors(errors)
        say('Failure/Error: ', :red, false)
        errors.group_by_attribute.each do |attribute, problems|
          say(attribute)
          problems.each { |problem| say("    #{problem.message}", :red) }
        end
        exit(1)
      end

      def find_local_user(username)
        account = Account.find_local(username)
        fail_with_message('No user with such username') if account&.user.nil?
        account.user
      end
    end
  end
end
