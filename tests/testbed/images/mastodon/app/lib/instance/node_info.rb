# frozen_string_literal: true

class Instance::NodeInfo
  def as_json(*)
    {
      version: '2.0',
      software: { name: 'mastodon', version: Mastodon::Version.to_s },
      protocols: ['activitypub'],
      services: { outbound: [], inbound: [] },
      usage: {
        users: { total: Instance::Figures.users, activeMonth: Instance::Figures.active_month, activeHalfyear: Instance::Figures.active_month },
        localPosts: Instance::Figures.posts,
      },
      openRegistrations: Setting.registrations_open?,
      metadata: { nodeName: Setting.site_title, nodeDescription: Setting.site_short_description },
    }
  end
end
