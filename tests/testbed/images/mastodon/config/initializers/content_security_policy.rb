# frozen_string_literal: true

web = "https://#{Mastodon::Domains.web}"

Rails.application.config.content_security_policy do |p|
  p.base_uri :none
  p.default_src :none
  p.frame_ancestors :none
  p.font_src :self, web
  p.img_src :self, :data, :blob, web
  p.media_src :self, :data, web
  p.manifest_src :self, web
  p.form_action :self
  p.child_src :self, :blob, web
  p.worker_src :self, :blob, web
  p.connect_src :self, :data, :blob, web, Mastodon::Domains.streaming
  p.script_src :self, web, "'wasm-unsafe-eval'"
  p.frame_src :self, :https
  p.style_src :self, web
end

Rails.application.config.content_security_policy_nonce_generator = ->(_request) { SecureRandom.base64(16) }
Rails.application.config.content_security_policy_nonce_directives = %w(style-src)
