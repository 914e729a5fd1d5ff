# frozen_string_literal: true

class ActivityPub::InboxesController < ActivityPub::BaseController
  costs create: 12

  rescue_from(RequestSignature::Missing, RequestSignature::Invalid) { |e| render json: { error: e.message }, status: :unauthorized }
  rescue_from(RequestSignature::KeyUnavailable) { |e| render json: { error: e.message }, status: :service_unavailable }

  def create
    return head(:accepted) if unknown_affected_account?

    signer = RequestSignature.new(request).account
    ActivityPub::ProcessingWorker.perform_async(signer.id, body, nil, 'Account')
    head :accepted
  end

  private

  def body = @body ||= request.raw_post.to_s.force_encoding('UTF-8')

  # A deletion of somebody never heard of is taken without looking at its signature.
  def unknown_affected_account?
    json = body.empty? ? {} : JSON.parse(body)
    json['type'] == 'Delete' && json['actor'].present? && json['actor'] == json['object'] && !Account.exists?(uri: json['actor'])
  rescue JSON::ParserError
    false
  end
end
