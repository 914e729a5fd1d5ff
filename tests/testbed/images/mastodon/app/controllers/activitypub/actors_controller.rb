# frozen_string_literal: true

class ActivityPub::ActorsController < ActivityPub::BaseController
  ACTOR_SECONDS = 180

  before_action { vary 'Accept', 'Accept-Language', 'Cookie' }

  def show = activity_json(ActivityPub::Documents.actor(account), ACTOR_SECONDS)
  def instance_actor = activity_json(ActivityPub::Documents.actor(Account.representative), ACTOR_SECONDS)

  def outbox = collection('outbox', account.stat.statuses_count)
  def followers = collection('followers', account.stat.followers_count)
  def following = collection('following', account.stat.following_count)

  private

  def account = @account ||= params[:id] ? Account.local.find(params[:id]) : Account.find_local(params[:username]) || raise(ActiveRecord::RecordNotFound)

  def collection(name, total) = activity_json(ActivityPub::Documents.collection("#{account.actor_uri}/#{name}", total), 0)
end
