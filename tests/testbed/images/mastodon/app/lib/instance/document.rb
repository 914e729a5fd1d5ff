# frozen_string_literal: true

# Bodies of /api/v1/instance and /api/v2/instance, keys in the captured order.
module Instance::Document
  MIME_TYPES = %w(
    image/jpeg image/png image/gif image/heic image/heif image/webp image/avif video/webm video/mp4 video/quicktime video/ogg
    audio/wave audio/wav audio/x-wav audio/x-pn-wave audio/vnd.wave audio/ogg audio/vorbis audio/mpeg audio/mp3 audio/webm
    audio/flac audio/aac audio/m4a audio/x-m4a audio/mp4 audio/3gpp video/x-ms-asf
  ).freeze
  IMAGE_ALT = <<~TEXT.squish
    Two smiling cartoon mastodons (who look like elephants) toss a paper plane between them.
    They're surrounded by a bright blue sky and floating planets with trees and more mastodons on them.
  TEXT
  POLLS = { max_options: 4, max_characters_per_option: 50, min_expiration: 300, max_expiration: 2_629_746 }.freeze
  FEED_ACCESS = { local: 'public', remote: 'public' }.freeze

  module_function

  def v2
    {
      domain: Mastodon::Domains.local, title: Setting.site_title, version: Mastodon::Version.to_s,
      source_url: 'https://github.com/mastodon/mastodon', description: Setting.site_short_description,
      usage: { users: { active_month: Instance::Figures.active_month } },
      thumbnail: { url: asset('images-preview.png'), description: IMAGE_ALT },
      icon: [36, 48, 72, 96, 144, 192, 256, 384, 512].map { |n| { src: asset("icons-android-chrome-#{n}x#{n}.png"), size: "#{n}x#{n}" } },
      languages: [ENV['DEFAULT_LOCALE'].presence || 'en'], configuration: configuration,
      registrations: registrations, api_versions: { mastodon: Mastodon::Version.api }, wrapstodon: nil,
      contact: { email: Setting.site_contact_email, account: nil }, rules: []
    }
  end

  def v1
    mode = Setting.registrations_mode
    {
      uri: Mastodon::Domains.local, title: Setting.site_title, short_description: Setting.site_short_description,
      description: Setting.site_short_description, email: Setting.site_contact_email, version: Mastodon::Version.to_s,
      urls: { streaming_api: Mastodon::Domains.streaming },
      stats: { user_count: Instance::Figures.users, status_count: Instance::Figures.posts, domain_count: Instance::Figures.domains },
      thumbnail: asset('images-preview.png'), languages: [ENV['DEFAULT_LOCALE'].presence || 'en'],
      registrations: Setting.registrations_open?, approval_required: mode == 'approved', invites_enabled: true,
      configuration: configuration_v1, contact_account: nil, rules: []
    }
  end

  def asset(name) = Mastodon::Domains.url("/packs/assets/#{name}")

  def registrations
    mode = Setting.registrations_mode
    { enabled: Setting.registrations_open?, approval_required: mode == 'approved',
      reason_required: mode == 'approved' && Setting.require_invite_text, message: Setting.closed_registrations_message.presence,
      min_age: Setting.min_age, url: nil }
  end

  def configuration
    {
      urls: { streaming: Mastodon::Domains.streaming, status: Setting.status_page_url, about: Mastodon::Domains.url('/about'),
              privacy_policy: Mastodon::Domains.url('/privacy-policy'), terms_of_service: nil },
      vapid: { public_key: ENV['VAPID_PUBLIC_KEY'] },
      accounts: { max_display_name_length: 40, max_note_length: 500, max_avatar_description_length: 150, max_header_description_length: 150,
                  max_featured_tags: 10, max_pinned_statuses: 5, max_profile_fields: 4, profile_field_name_limit: 255,
                  profile_field_value_limit: 255 },
      statuses: { max_characters: 500, max_media_attachments: 4, characters_reserved_per_url: 23 },
      media_attachments: { description_limit: 10_000, image_matrix_limit: 33_177_600, image_size_limit: 16_777_216,
                           supported_mime_types: MIME_TYPES, video_frame_rate_limit: 120, video_matrix_limit: 8_294_400,
                           video_size_limit: 103_809_024 },
      polls: POLLS, translation: { enabled: false },
      timelines_access: { live_feeds: FEED_ACCESS, hashtag_feeds: FEED_ACCESS, trending_link_feeds: FEED_ACCESS },
      limited_federation: ENV['LIMITED_FEDERATION_MODE'] == 'true'
    }
  end

  def configuration_v1
    {
      accounts: { max_featured_tags: 10 },
      statuses: { max_characters: 500, max_media_attachments: 4, characters_reserved_per_url: 23 },
      media_attachments: { supported_mime_types: MIME_TYPES, image_size_limit: 16_777_216, image_matrix_limit: 33_177_600,
                           video_size_limit: 103_809_024, video_frame_rate_limit: 120, video_matrix_limit: 8_294_400 },
      polls: POLLS
    }
  end
end
