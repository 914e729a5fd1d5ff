# frozen_string_literal: true

class Api::InstancesController < Api::BaseController
  PRESENTER = 'instancepresenter/instancepresenter-1'

  # Cached for three minutes in Redis: still 200 with PostgreSQL down, 500 with Redis down.
  def v2
    body = Rails.cache.fetch("api/v2/instances/show:#{PRESENTER}", expires_in: 3.minutes) { Instance::Document.v2.to_json }
    public_json(body)
  end

  def v1
    response.headers['Deprecation'] = '@1668384000'
    public_json(Rails.cache.fetch("api/v1/instances/show:#{PRESENTER}", expires_in: 3.minutes) { Instance::Document.v1.to_json })
  end

  def peers
    public_json(Instance.order(:domain).pluck(:domain).to_json)
  end

  private

  def public_json(body)
    cacheable(300, stale_if_error: 1.day.to_i)
    vary 'Accept'
    render json: body
  end
end
