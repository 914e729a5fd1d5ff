# frozen_string_literal: true

class Api::AppsController < Api::BaseController
  def create
    app = Doorkeeper::Application.register(
      name: params.require(:client_name), redirect_uri: Array(params[:redirect_uris]).join("\n"),
      scopes: params[:scopes].presence || 'read', website: params[:website]
    )
    render json: { id: app.id.to_s, name: app.name, website: app.website, scopes: app.scopes.split, redirect_uri: app.redirect_uri,
                   redirect_uris: app.redirect_uri.split("\n"), client_id: app.uid, client_secret: app.secret, client_secret_expires_at: 0,
                   vapid_key: ENV['VAPID_PUBLIC_KEY'] }
  end
end
