# frozen_string_literal: true

class Account < ApplicationRecord
  INSTANCE_ACTOR_ID = -99
  USERNAME = /\A[a-z0-9_]+([a-z0-9_.-]+[a-z0-9_]+)?\z/i

  has_one :user, inverse_of: :account
  has_one :account_stat, dependent: :delete
  has_many :statuses, dependent: :delete_all
  has_many :keypairs, dependent: :delete_all
  has_many :passive_follows, class_name: 'Follow', foreign_key: :target_account_id, inverse_of: :target_account, dependent: :delete_all
  has_many :active_follows, class_name: 'Follow', dependent: :delete_all, inverse_of: :account
  has_many :followers, through: :passive_follows, source: :account
  has_many :following, through: :active_follows, source: :target_account

  scope :local, -> { where(domain: nil) }
  scope :remote, -> { where.not(domain: nil) }
  scope :without_instance_actor, -> { where.not(id: INSTANCE_ACTOR_ID) }

  validates :username, presence: { message: 'blank' }
  validates :username, format: { with: USERNAME, message: 'invalid' }, length: { maximum: 30, message: 'too_long' }, if: :plain_local?
  validate :username_free, if: -> { plain_local? && will_save_change_to_username? }

  before_create :generate_keys, if: :local?
  after_create :keep_keypair, if: :local?

  def self.representative
    find_by(id: INSTANCE_ACTOR_ID) || create!(id: INSTANCE_ACTOR_ID, actor_type: 'Application', locked: true, username: 'mastodon.internal')
  end

  def self.find_local(name) = local.without_instance_actor.where('lower(username) = lower(?)', name.to_s).first

  def local? = domain.nil?
  def instance_actor? = id == INSTANCE_ACTOR_ID
  def acct = local? ? username : "#{username}@#{domain}"
  def stat = account_stat || AccountStat.create_or_find_by!(account_id: id)

  def actor_uri
    return uri unless local?

    instance_actor? ? Mastodon::Domains.url('/actor') : Mastodon::Domains.url("/ap/users/#{id}")
  end

  def profile_url = local? ? Mastodon::Domains.url("/@#{username}") : url.presence || uri
  def own_inbox_url = local? ? "#{actor_uri}/inbox" : inbox_url
  def key_uri = "#{actor_uri}#main-key"

  # 4.7 keeps local keys encrypted in `keypairs`; older releases in the plain columns.
  def signing_key
    pem = (Keypair.find_by(account_id: id)&.private_key if Mastodon::Version.keys_in_keypairs?) || private_key
    raise "account #{id} has no private key" if pem.blank?

    OpenSSL::PKey::RSA.new(pem)
  end

  def published_key
    stored = public_key.presence
    stored || (Keypair.find_by(account_id: id)&.public_key if Mastodon::Version.keys_in_keypairs?).to_s
  end

  private

  def plain_local? = local? && !instance_actor?

  def username_free
    errors.add(:username, 'taken') if Account.find_local(username)
  end

  def generate_keys
    pair = OpenSSL::PKey::RSA.new(2048)
    @new_private_key = pair.to_pem
    self.public_key = pair.public_key.to_pem
    self.private_key = @new_private_key unless Mastodon::Version.keys_in_keypairs?
  end

  def keep_keypair
    return unless Mastodon::Version.keys_in_keypairs?

    keypairs.create!(uri: key_uri, type: :rsa, public_key: public_key, private_key: @new_private_key)
  end
end
