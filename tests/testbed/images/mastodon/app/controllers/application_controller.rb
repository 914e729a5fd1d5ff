# frozen_string_literal: true

class ApplicationController < ActionController::Base
  include Redisable
  include Caching

  # Milliseconds of CPU per request of an action (captured/README.md 3).
  class_attribute :cost_ms, default: { default: 3 }
  helper_method :current_user

  around_action :spend_measured_cpu
  rescue_from ActiveRecord::RecordNotFound, with: -> { head :not_found }

  def self.costs(table) = self.cost_ms = { default: 3 }.merge(table)

  private

  def spend_measured_cpu(&)
    base = self.class.cost_ms[action_name.to_sym] || self.class.cost_ms[:default]
    Standin::Cost.spend(-> { base + @per_post_ms.to_f }, &)
  end

  # Timelines cost what they show: a request with twenty posts was measured, and an empty one.
  def costs_per_post(milliseconds, posts) = @per_post_ms = milliseconds * posts.size

  def current_user
    @current_user ||= SessionActivation.find_by(session_id: cookies.signed['_session_id'])&.user if cookies['_session_id']
  end
end
