# frozen_string_literal: true

# Costs: 12 ms empty; 120 ms (home) and 98 ms (public) were measured with twenty posts.
class Api::TimelinesController < Api::BaseController
  HOME_POST_MS = (120.0 - 12) / 20
  PUBLIC_POST_MS = (98.0 - 12) / 20

  costs home: 12, public: 12
  before_action :require_user, only: :home

  def home = show(FeedManager.instance.home(current_account, limit: limit, max_id: params[:max_id]), HOME_POST_MS)

  def public
    cacheable(15, stale_if_error: 1.day.to_i) unless access_token
    posts = Status.public_timeline.includes({ account: :account_stat }, :media_attachments).limit(limit)
    posts = posts.where(local: true) if params[:local] == 'true'
    posts = posts.where(id: ...params[:max_id].to_i) if params[:max_id]
    show(posts.to_a, PUBLIC_POST_MS)
  end

  private

  def limit = params.fetch(:limit, 20).to_i.clamp(1, 40)

  def show(posts, per_post)
    costs_per_post(per_post, posts)
    render json: posts.map { |status| Serializers.status(status) }
  end
end
