# frozen_string_literal: true

require_relative 'base'

module Mastodon
  module CLI
    class Accounts < Base
      desc 'create USERNAME', 'Create a new user account'
      option :email, required: true
      option :confirmed, type: :boolean
      option :role
      option :reattach, type: :boolean
      option :force, type: :boolean
      option :approve, type: :boolean
      def create(username)
        role = find_role(options[:role])
        password = SecureRandom.hex
        account = Account.new(username: username)
        user = User.new(email: options[:email], password: password, account: account, role: role, locale: 'en',
                        bypass_approval: options[:approve], confirmed_at: (Time.now.utc if options[:confirmed]))
        report_errors(user.errors) unless user.save

        user.approve! if options[:approve]
        say('OK', :green)
        say("New password: #{password}")
      end

      desc 'modify USERNAME', 'Modify a user account'
      option :role
      option :remove_role, type: :boolean
      option :email
      option :confirm, type: :boolean
      option :enable, type: :boolean
      option :disable, type: :boolean
      option :disable_2fa, type: :boolean
      option :approve, type: :boolean
      option :reset_password, type: :boolean
      def modify(username)
        user = find_local_user(username)
        password = SecureRandom.hex if options[:reset_password]
        apply(user, password)
        report_errors(user.errors) unless user.save
        user.confirm if options[:confirm] && !user.confirmed?
        user.approve! if options[:approve]
        TriggerWebhookWorker.perform_async('account.updated', 'Account', user.account_id)

        say('OK', :green)
        say("New password: #{password}") if password
      end

      desc 'delete USERNAME', 'Delete a local user account'
      def delete(username)
        account = find_local_user(username).account
        account.update!(suspended_at: Time.now.utc)
        AccountDeletionWorker.perform_async(account.id, {})
        say('OK', :green)
      end

      desc 'approve [USERNAME]', 'Approve pending accounts'
      option :number, type: :numeric, aliases: [:n]
      option :all, type: :boolean
      def approve(username = nil)
        if options[:all] then User.pending.find_each(&:approve!)
        elsif options[:number]&.positive? then User.pending.order(:created_at).limit(options[:number]).each(&:approve!)
        elsif username then find_local_user(username).approve!
        else fail_with_message('Number must be positive')
        end
        say('OK', :green)
      end

      private

      def find_role(name)
        return if name.nil?

        UserRole.find_by(name: name) || fail_with_message('Cannot find user role with that name')
      end

      def apply(user, password)
        user.role = find_role(options[:role]) if options[:role]
        user.role = nil if options[:remove_role]
        user.email = options[:email] if options[:email]
        user.password = password if password
        user.disabled = true if options[:disable]
        user.disabled = false if options[:enable]
        user.assign_attributes(otp_required_for_login: false, otp_secret: nil) if options[:disable_2fa]
      end
    end
  end
end
