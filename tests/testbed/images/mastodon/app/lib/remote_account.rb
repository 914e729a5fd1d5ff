# frozen_string_literal: true

# Finds accounts of other servers: by address through webfinger, by actor document.
module RemoteAccount
  module_function

  # `name@domain` -> Account or nil
  def resolve(address)
    name, domain = address.delete_prefix('@').split('@', 2)
    return Account.find_local(name) if domain.nil? || Mastodon::Domains.accepted.include?(domain)

    Account.find_by('lower(username) = lower(?) AND domain = ?', name, domain) || fetch(actor_uri(name, domain))
  end

  def actor_uri(name, domain)
    url = "https://#{domain}/.well-known/webfinger?resource=acct:#{name}@#{domain}"
    links = JSON.parse(SignedRequest.new.get(url, accept: 'application/jrd+json').body).fetch('links')
    links.find { |link| link['rel'] == 'self' }.fetch('href')
  end

  def fetch(uri)
    response = SignedRequest.new(Account.representative).get(uri)
    raise RequestSignature::Invalid, "Unable to fetch key JSON at #{uri}" unless response.is_a?(Net::HTTPSuccess)

    store(JSON.parse(response.body))
  end

  def store(document)
    uri = document.fetch('id')
    account = Account.find_or_initialize_by(uri: uri)
    account.update!(
      username: document.fetch('preferredUsername'), domain: URI(uri).host, display_name: document['name'].to_s,
      public_key: document.dig('publicKey', 'publicKeyPem'), inbox_url: document.fetch('inbox'), actor_type: document['type'],
      shared_inbox_url: document.dig('endpoints', 'sharedInbox').to_s, url: document['url'].presence || uri, protocol: 1
    )
    account
  end
end
