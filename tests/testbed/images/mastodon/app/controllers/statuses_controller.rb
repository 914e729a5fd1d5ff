# frozen_string_literal: true

# A post's page, and the same post for other servers; costs from tests/captured/README.md.
class StatusesController < ApplicationController
  PAGE_SECONDS = 10
  OBJECT_SECONDS = 180
  PAGE_MS = 38
  OBJECT_MS = 9

  layout 'application'
  before_action { vary 'Accept', 'Accept-Language', 'Cookie' }

  def show
    @status = find_status
    activitypub? ? render_object : render_page
  end

  private

  def find_status
    owner = params[:account_id] ? Account.local.find(params[:account_id]) : Account.find_local(params[:username])
    Status.where(account: owner, visibility: %i(public unlisted)).includes(:account, :media_attachments).find(params[:id])
  end

  def activitypub? = params[:account_id] || request.headers['Accept'].to_s.match?(%r{application/(activity|ld)\+json})

  def render_object
    costs_now(OBJECT_MS)
    current_user ? private_answer : cacheable(OBJECT_SECONDS)
    render body: ActivityPub::Documents.note(@status).to_json, content_type: 'application/activity+json; charset=utf-8'
  end

  def render_page
    costs_now(PAGE_MS)
    current_user ? private_answer : cacheable(PAGE_SECONDS)
    render :show
  end
end
