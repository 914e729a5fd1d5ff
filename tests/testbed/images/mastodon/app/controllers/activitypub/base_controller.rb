# frozen_string_literal: true

class ActivityPub::BaseController < Api::BaseController
  skip_before_action :rate_limit_headers

  private

  def activity_json(document, seconds)
    cacheable(seconds)
    render body: document.to_json, content_type: 'application/activity+json; charset=utf-8'
  end
end
