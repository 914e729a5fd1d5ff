# frozen_string_literal: true

class Api::MiscController < Api::BaseController
  costs notifications: 12

  before_action :require_user, except: :resend_confirmation
  before_action :require_token, only: :resend_confirmation

  # `resolve=true` makes an address of another server known here.
  def search
    account = params[:q].to_s.match?(/\A@?[\w.-]+@[\w.:-]+\z/) && params[:resolve] == 'true' ? RemoteAccount.resolve(params[:q]) : nil
    render json: { accounts: [account].compact.map { |found| Serializers.account(found) }, statuses: [], hashtags: [] }
  rescue SignedRequest::Unreachable, RequestSignature::Invalid, KeyError, JSON::ParserError
    render json: { accounts: [], statuses: [], hashtags: [] }
  end

  def notifications
    rows = Notification.where(account: current_account).includes(:from_account).order(id: :desc).limit(20)
    render json: rows.map { |row| { id: row.id.to_s, type: row.type, created_at: row.created_at.utc.iso8601(3), account: Serializers.account(row.from_account) } }
  end

  def resend_confirmation
    return render(json: { error: 'This method is only available while the e-mail is awaiting confirmation' }, status: :forbidden) if current_user.confirmed?

    current_user.resend_confirmation_instructions
    render json: {}
  end
end
