# frozen_string_literal: true

class ApplicationController < ActionController::Base
  include Redisable
  include Caching

  # Milliseconds of CPU per request of an action (tests/captured/README.md).
  class_attribute :cost_ms, default: { default: 3 }
  helper_method :current_user

  before_action :name_measured_cpu
  rescue_from ActiveRecord::RecordNotFound, with: -> { head :not_found }

  def self.costs(table) = self.cost_ms = { default: 3 }.merge(table)

  private

  # Standin::CostMiddleware burns what is named here.
  def name_measured_cpu = costs_now(self.class.cost_ms[action_name.to_sym] || self.class.cost_ms[:default])

  # Timelines cost what they show: a request with twenty posts was measured, and an empty one.
  def costs_per_post(milliseconds, posts) = costs_now(request.env[Standin::CostMiddleware::KEY] + (milliseconds * posts.size))

  def costs_now(milliseconds) = request.env[Standin::CostMiddleware::KEY] = milliseconds

  def current_user
    @current_user ||= SessionActivation.find_by(session_id: cookies.signed['_session_id'])&.user if cookies['_session_id']
  end
end
