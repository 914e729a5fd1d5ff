# frozen_string_literal: true

class Api::StatusesController < Api::BaseController
  costs create: 50

  before_action :require_user, except: :show

  def create
    text = params[:status].to_s
    return render(json: { error: "Validation failed: Text can't be blank" }, status: :unprocessable_entity) if text.blank? && params[:media_ids].blank?

    status = PostStatus.new(current_account, text: text, visibility: params[:visibility], media_ids: Array(params[:media_ids]),
                                             in_reply_to_id: params[:in_reply_to_id], language: params[:language].presence || 'en',
                                             idempotency: request.headers['Idempotency-Key']).call
    render json: Serializers.status(status.reload)
  end

  def show
    status = Status.where(visibility: %i(public unlisted)).find(params[:id])
    cacheable(15, stale_if_error: 1.day.to_i) unless access_token
    vary 'Authorization'
    render json: Serializers.status(status)
  end

  def destroy
    status = current_account.statuses.find(params[:id])
    status.update!(deleted_at: Time.now.utc)
    return render(json: Serializers.status(status)) if status.direct_visibility?

    document = ActivityPub::Documents.delete(status).to_json
    status.account.followers.remote.find_each { |follower| ActivityPub::DeliveryWorker.perform_async(document, status.account_id, follower.inbox_url) }
    render json: Serializers.status(status)
  end
end
