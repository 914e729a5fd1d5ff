# frozen_string_literal: true

class Api::MediaController < Api::BaseController
  costs create: 119

  before_action :require_user

  def create
    file = params.require(:file)
    attachment = MediaAttachment.new(account: current_account, type: kind(file.content_type), description: params[:description])
    attachment.store(file.read, file.original_filename.to_s, file.content_type)
    render json: Serializers.media(attachment)
  end

  def show = render(json: Serializers.media(MediaAttachment.find_by!(id: params[:id], account: current_account)))

  private

  def kind(content_type)
    { 'image' => :image, 'video' => :video, 'audio' => :audio }.fetch(content_type.to_s.split('/').first, :unknown)
  end
end
