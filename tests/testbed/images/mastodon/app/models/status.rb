# frozen_string_literal: true

class Status < ApplicationRecord
  belongs_to :account
  has_many :media_attachments, dependent: :nullify

  enum :visibility, { public: 0, unlisted: 1, private: 2, direct: 3, limited: 4 }, suffix: :visibility

  default_scope -> { where(deleted_at: nil) }
  scope :public_timeline, -> { where(visibility: :public).order(id: :desc) }

  after_create { account.stat.update!(statuses_count: account.stat.statuses_count + 1, last_status_at: created_at) }

  def distributable? = public_visibility? || unlisted_visibility?
  def object_uri = local? ? Mastodon::Domains.url("/ap/users/#{account_id}/statuses/#{id}") : uri
  def page_url = local? ? Mastodon::Domains.url("/@#{account.username}/#{id}") : url.presence || uri
end
