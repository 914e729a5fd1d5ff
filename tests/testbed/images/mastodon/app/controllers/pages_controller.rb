# frozen_string_literal: true

# HTML pages: the shell that the real server renders for its JavaScript client.
class PagesController < ApplicationController
  costs home: 14, about: 12, profile: 26

  LIST_CACHE = { seconds: 15, stale_if_error: 1.hour.to_i }.freeze

  layout 'application'
  before_action { vary 'Accept', 'Accept-Language', 'Cookie' }
  before_action :choose_cache, except: :not_found

  def home
    return redirect_to('/about', status: :found) if ENV['SINGLE_USER_MODE'] == 'true' && Account.local.without_instance_actor.none?

    @statuses = current_user ? FeedManager.instance.home(current_user.account, limit: 20) : []
    render :home
  end

  def about = render(:about)

  def profile
    @account = Account.find_local(params[:username]) || raise(ActiveRecord::RecordNotFound)
    return render_actor if request.headers['Accept'].to_s.match?(%r{application/(activity|ld)\+json})

    @statuses = @account.statuses.public_timeline.limit(20)
    render :profile
  end

  def not_found = render(file: Rails.public_path.join('404.html'), layout: false, status: :not_found)

  private

  def render_actor
    cacheable(ActivityPub::ActorsController::ACTOR_SECONDS) unless current_user
    render body: ActivityPub::Documents.actor(@account).to_json, content_type: 'application/activity+json; charset=utf-8'
  end

  def choose_cache
    current_user ? private_answer : cacheable(LIST_CACHE[:seconds], stale_if_error: LIST_CACHE[:stale_if_error])
  end
end
