# frozen_string_literal: true

Rails.application.routes.draw do
  get 'health', to: 'health#show', format: false

  scope '.well-known', controller: :well_known, format: false do
    get 'webfinger', action: :webfinger
    get 'host-meta', action: :host_meta
    get 'nodeinfo', action: :nodeinfo_index
  end
  get 'nodeinfo/2.0', to: 'well_known#nodeinfo', format: false

  scope module: :activitypub, format: false do
    post 'inbox', to: 'inboxes#create'
    get 'actor', to: 'actors#instance_actor'
    get 'users/:username', to: 'actors#show', constraints: { username: %r{[^/]+} }
    scope 'ap/users/:id', controller: :actors do
      get '', action: :show
      get 'outbox', action: :outbox
      get 'followers', action: :followers
      get 'following', action: :following
      post 'inbox', to: 'inboxes#create'
    end
  end
  get 'ap/users/:account_id/statuses/:id', to: 'statuses#show', format: false

  scope 'oauth', controller: :oauth, format: false do
    post 'token', action: :token
    post 'revoke', action: :revoke
  end

  scope 'api', module: :api, format: false do
    get 'v2/instance', to: 'instances#v2'
    get 'v1/instance', to: 'instances#v1'
    get 'v1/instance/peers', to: 'instances#peers'
    post 'v1/apps', to: 'apps#create'
    post 'v1/accounts', to: 'accounts#create'
    get 'v1/accounts/verify_credentials', to: 'accounts#verify_credentials'
    get 'v1/accounts/lookup', to: 'accounts#lookup'
    get 'v1/accounts/:id', to: 'accounts#show'
    get 'v1/accounts/:id/statuses', to: 'accounts#statuses'
    post 'v1/accounts/:id/follow', to: 'accounts#follow'
    post 'v1/accounts/:id/unfollow', to: 'accounts#unfollow'
    post 'v1/emails/confirmations', to: 'misc#resend_confirmation'
    get 'v1/notifications', to: 'misc#notifications'
    get 'v2/search', to: 'misc#search'
    get 'v1/timelines/home', to: 'timelines#home'
    get 'v1/timelines/public', to: 'timelines#public'
    post 'v1/statuses', to: 'statuses#create'
    get 'v1/statuses/:id', to: 'statuses#show'
    delete 'v1/statuses/:id', to: 'statuses#destroy'
    post 'v1/media', to: 'media#create'
    post 'v2/media', to: 'media#create'
    get 'v1/media/:id', to: 'media#show'
  end

  scope 'auth', controller: :auth, format: false do
    get 'sign_in', action: :sign_in_form
    post 'sign_in', action: :sign_in
    delete 'sign_out', action: :sign_out
    get 'sign_up', action: :sign_up_form
    post '', action: :register
    get 'setup', action: :setup
    get 'confirmation', action: :confirm
  end

  root to: 'pages#home'
  get 'about', to: 'pages#about', format: false
  get 'explore', to: 'pages#about', format: false
  get 'privacy-policy', to: 'pages#about', format: false
  get '@:username', to: 'pages#profile', format: false, constraints: { username: %r{[^/]+} }
  get '@:username/:id', to: 'statuses#show', format: false, constraints: { username: %r{[^/]+}, id: /\d+/ }
  match '*unmatched', to: 'pages#not_found', via: :all, format: false
end
