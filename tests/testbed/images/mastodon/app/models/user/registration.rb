# frozen_string_literal: true

# What happens between sign-up and the first post: approval, confirmation, the two mails.
module User::Registration
  extend ActiveSupport::Concern

  WELCOME_DELAY = 1.hour
  CONFIRM_WITHIN = 2.days

  included do
    before_create :decide_approval
    before_create :prepare_confirmation
    after_create_commit :send_confirmation_instructions, unless: :confirmed?
    after_create_commit :trigger_webhook
    attr_accessor :bypass_approval
  end

  def send_confirmation_instructions
    UserMailer.confirmation_instructions(self, confirmation_token).deliver_later
  end

  def resend_confirmation_instructions
    update_columns(confirmation_token: SecureRandom.urlsafe_base64(15), confirmation_sent_at: Time.now.utc)
    send_confirmation_instructions
  end

  # True when the address is confirmed now; false when the token is too old.
  def confirm
    return false if confirmation_sent_at&.before?(CONFIRM_WITHIN.ago)

    self.approved = true if !approved? && Setting.registrations_mode == 'open'
    update!(confirmed_at: Time.now.utc, email: unconfirmed_email.presence || email, unconfirmed_email: nil)
    approved? ? welcome : notify_staff
    true
  end

  def approve!
    return if approved?

    update!(approved: true)
    welcome if confirmed?
  end

  private

  def decide_approval
    self.approved = bypass_approval || Setting.registrations_mode == 'open'
    self.approved = false if !bypass_approval && sign_up_ip && IpBlock.approval_required?(sign_up_ip)
  end

  def prepare_confirmation
    return if confirmed?

    self.confirmation_token = SecureRandom.urlsafe_base64(15)
    self.confirmation_sent_at = Time.now.utc
  end

  def trigger_webhook
    TriggerWebhookWorker.perform_async('account.created', 'Account', account_id)
  end

  def welcome
    BootstrapTimelineWorker.perform_async(account_id)
    ActivityTracker.new('activity:accounts:local').add(1)
    notify_staff
    TriggerWebhookWorker.perform_async('account.approved', 'Account', account_id)
    UserMailer.welcome(self).deliver_later(wait: WELCOME_DELAY)
  end

  def notify_staff
    staff = User.joins(:role).where("user_roles.permissions & #{UserRole::ADMIN_BIT | 1024} > 0").order(:id).first
    LocalNotificationWorker.perform_async(staff.account_id, account_id, 'Account', 'admin.sign_up') if staff
  end
end
