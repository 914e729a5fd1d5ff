# frozen_string_literal: true

# `Setting.registrations_mode = 'open'`: one YAML row per changed setting, cached for ten minutes.
class Setting < ApplicationRecord
  DEFAULTS = {
    'site_title' => 'Mastodon', 'site_short_description' => '', 'site_contact_email' => '', 'site_contact_username' => '',
    'site_terms' => '', 'registrations_mode' => 'none', 'closed_registrations_message' => '', 'require_invite_text' => false,
    'captcha_enabled' => false, 'media_cache_retention_period' => nil, 'content_cache_retention_period' => nil,
    'backups_retention_period' => 7, 'authorized_fetch' => false, 'activity_api_enabled' => true, 'peers_api_enabled' => true,
    'timeline_preview' => true, 'trends' => true, 'status_page_url' => nil, 'min_age' => nil, 'reopen_at' => nil
  }.freeze

  class << self
    def [](name)
      name = name.to_s
      Rails.cache.fetch("rails_settings_cached/#{name}") { stored(name) }
    end

    def []=(name, value)
      name = name.to_s
      find_or_initialize_by(var: name).update!(value: value.to_yaml)
      Rails.cache.delete("rails_settings_cached/#{name}")
    end

    DEFAULTS.each_key do |name|
      define_method(name) { self[name] }
      define_method("#{name}=") { |value| self[name] = value }
    end

    def registrations_open?
      self['registrations_mode'] != 'none' && ENV['SINGLE_USER_MODE'] != 'true'
    end

    private

    def stored(name)
      row = find_by(var: name)
      row.nil? ? DEFAULTS[name] : YAML.safe_load(row.value.to_s, permitted_classes: [Symbol, Time])
    end
  end
end
