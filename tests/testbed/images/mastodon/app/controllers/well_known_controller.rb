# frozen_string_literal: true

class WellKnownController < ApplicationController
  costs webfinger: 5

  WEBFINGER_SECONDS = 3.days.to_i

  def webfinger
    cacheable(180)
    account = requested_account
    return head(:not_found) if account.nil?

    cacheable(WEBFINGER_SECONDS)
    vary 'Accept'
    render body: document(account).to_json, content_type: 'application/jrd+json; charset=utf-8'
  end

  def host_meta
    cacheable(WEBFINGER_SECONDS)
    template = Mastodon::Domains.url('/.well-known/webfinger?resource={uri}')
    render body: <<~XML, content_type: 'application/xrd+xml; charset=utf-8'
      <?xml version="1.0" encoding="UTF-8"?>
      <XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">
        <Link rel="lrdd" template="#{template}"/>
      </XRD>
    XML
  end

  def nodeinfo_index
    cacheable(WEBFINGER_SECONDS)
    vary 'Accept'
    render json: { links: [{ rel: 'http://nodeinfo.diaspora.software/ns/schema/2.0', href: Mastodon::Domains.url('/nodeinfo/2.0') }] }
  end

  def nodeinfo
    document = Rails.cache.fetch('well_known/node_info/index', expires_in: 30.minutes) { Instance::NodeInfo.new.as_json }
    cacheable(1800)
    vary 'Accept'
    render json: document
  end

  private

  def requested_account
    name, domain = params.require(:resource).delete_prefix('acct:').delete_prefix('@').split('@', 2)
    name = params[:resource][%r{/@([^/]+)\z}, 1] and domain = nil if params[:resource].start_with?('https://')
    return unless domain.nil? || Mastodon::Domains.accepted.include?(domain)

    Account.find_local(name)
  end

  def document(account)
    subscribe = Mastodon::Domains.url('/authorize_interaction?uri={uri}')
    {
      subject: "acct:#{account.username}@#{Mastodon::Domains.local}",
      aliases: [account.profile_url, account.actor_uri],
      links: [
        { rel: 'http://webfinger.net/rel/profile-page', type: 'text/html', href: account.profile_url },
        { rel: 'self', type: 'application/activity+json', href: account.actor_uri },
        { rel: 'http://ostatus.org/schema/1.0/subscribe', template: subscribe },
        { rel: 'https://w3id.org/fep/3b86/Create', template: Mastodon::Domains.url('/share?text={content}') },
        { rel: 'https://w3id.org/fep/3b86/Object', template: Mastodon::Domains.url('/authorize_interaction?uri={object}') },
      ],
    }
  end
end
