# frozen_string_literal: true

# The ActivityPub documents this server sends and serves.
module ActivityPub::Documents
  CONTEXT = ['https://www.w3.org/ns/activitystreams', 'https://w3id.org/security/v1'].freeze
  PUBLIC = 'https://www.w3.org/ns/activitystreams#Public'

  module_function

  def actor(account)
    uri = account.actor_uri
    {
      '@context': CONTEXT, id: uri, type: account.actor_type.presence || 'Person',
      following: "#{uri}/following", followers: "#{uri}/followers", inbox: "#{uri}/inbox", outbox: "#{uri}/outbox",
      preferredUsername: account.username, name: account.display_name, summary: account.note, url: account.profile_url,
      manuallyApprovesFollowers: account.locked, discoverable: account.discoverable || false, published: account.created_at.utc.beginning_of_day.iso8601,
      publicKey: { id: account.key_uri, owner: uri, publicKeyPem: account.published_key },
      endpoints: { sharedInbox: Mastodon::Domains.url('/inbox') }
    }
  end

  def note(status)
    {
      '@context': CONTEXT, id: status.object_uri, type: 'Note', summary: nil, inReplyTo: nil, published: status.created_at.utc.iso8601,
      url: status.page_url, attributedTo: status.account.actor_uri, to: [PUBLIC], cc: ["#{status.account.actor_uri}/followers"],
      sensitive: status.sensitive, content: Serializers.content(status),
      attachment: status.media_attachments.map { |media| { type: 'Document', mediaType: media.file_content_type, url: media.url('original') } }
    }
  end

  def create(status)
    object = note(status)
    { '@context': CONTEXT, id: "#{object[:id]}/activity", type: 'Create', actor: object[:attributedTo],
      published: object[:published], to: object[:to], cc: object[:cc], object: object.except(:@context) }
  end

  def delete(status)
    { '@context': CONTEXT, id: "#{status.object_uri}#delete", type: 'Delete', actor: status.account.actor_uri,
      object: { id: status.object_uri, type: 'Tombstone' } }
  end

  def follow(follow)
    { '@context': CONTEXT, id: follow.activity_uri, type: 'Follow', actor: follow.account.actor_uri, object: follow.target_account.actor_uri }
  end

  def accept(follow)
    { '@context': CONTEXT, id: "#{follow.target_account.actor_uri}#accepts/follows/#{follow.id}", type: 'Accept',
      actor: follow.target_account.actor_uri, object: follow(follow).except(:@context) }
  end

  def collection(uri, total) = { '@context': CONTEXT, id: uri, type: 'OrderedCollection', totalItems: total }
end
