# frozen_string_literal: true

# The REST forms, reduced to the fields that clients and probes read.
module Serializers
  module_function

  def account(account)
    stat = account.account_stat
    {
      id: account.id.to_s, username: account.username, acct: account.acct, display_name: account.display_name,
      locked: account.locked, bot: false, discoverable: account.discoverable, group: false, created_at: account.created_at.utc.beginning_of_day.iso8601(3),
      note: account.note, url: account.profile_url, uri: account.actor_uri, avatar: Instance::Document.asset('avatars-missing.png'),
      followers_count: stat&.followers_count.to_i, following_count: stat&.following_count.to_i, statuses_count: stat&.statuses_count.to_i,
      last_status_at: stat&.last_status_at&.to_date&.iso8601, emojis: [], fields: []
    }
  end

  def status(status)
    {
      id: status.id.to_s, created_at: status.created_at.utc.iso8601(3), in_reply_to_id: status.in_reply_to_id&.to_s,
      sensitive: status.sensitive, spoiler_text: status.spoiler_text, visibility: status.visibility, language: status.language,
      uri: status.object_uri, url: status.page_url, replies_count: 0, reblogs_count: 0, favourites_count: 0,
      content: content(status), reblog: nil, account: account(status.account),
      media_attachments: status.media_attachments.map { |attachment| media(attachment) },
      mentions: [], tags: [], emojis: [], card: nil, poll: nil
    }
  end

  def media(attachment)
    { id: attachment.id.to_s, type: attachment.type, url: attachment.url('original'), preview_url: attachment.url('small'),
      remote_url: attachment.remote_url.presence, description: attachment.description, blurhash: nil, meta: {} }
  end

  def content(status) = status.local? ? "<p>#{ERB::Util.html_escape(status.text)}</p>" : status.text

  # App, user and token as OAuth clients expect them.
  def token(token)
    { access_token: token.token, token_type: 'Bearer', scope: token.scopes, created_at: token.created_at.to_i }
  end
end
