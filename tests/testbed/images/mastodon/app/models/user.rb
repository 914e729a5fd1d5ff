# frozen_string_literal: true

class User < ApplicationRecord
  include User::Registration

  belongs_to :account, inverse_of: :user, autosave: true
  belongs_to :role, class_name: 'UserRole', optional: true
  belongs_to :created_by_application, class_name: 'Doorkeeper::Application', optional: true
  has_many :session_activations, dependent: :delete_all
  has_one :invite_request, class_name: 'UserInviteRequest', dependent: :delete

  encrypts :otp_secret

  scope :confirmed, -> { where.not(confirmed_at: nil) }
  scope :unconfirmed, -> { where(confirmed_at: nil) }
  scope :approved, -> { where(approved: true) }
  scope :pending, -> { where(approved: false) }
  scope :signed_in_recently, -> { where(current_sign_in_at: ENV.fetch('USER_ACTIVE_DAYS', 7).to_i.days.ago..) }

  validates :email, presence: { message: 'blank' }
  validate :email_acceptable, if: :will_save_change_to_email?

  def password=(plain)
    self.encrypted_password = BCrypt::Password.create(plain, cost: 10)
  end

  def valid_password?(plain) = BCrypt::Password.new(encrypted_password) == plain

  def confirmed? = confirmed_at.present?
  def functional? = confirmed? && approved? && !disabled? && account.suspended_at.nil?
  def role_name = role&.name

  # Touched at most daily, as Mastodon does; the monthly figures come from Redis.
  def seen!(address)
    ActivityTracker.new('activity:logins', :unique).add(id)
    return if current_sign_in_at&.after?(1.day.ago)

    update_columns(last_sign_in_at: current_sign_in_at, current_sign_in_at: Time.now.utc, sign_in_count: sign_in_count + 1)
    LoginActivity.create!(user_id: id, success: true, authentication_method: 'password', ip: address, created_at: Time.now.utc)
  end

  private

  def email_acceptable
    errors.add(:email, 'taken') if User.where.not(id: id).where('lower(email) = lower(?)', email).exists?
    problem = EmailDomainCheck.new(email).problem
    errors.add(:email, problem) if problem
  end
end
