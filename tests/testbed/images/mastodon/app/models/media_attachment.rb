# frozen_string_literal: true

# Files go to public/system/media_attachments/files/<id in groups of three>/original|small.
class MediaAttachment < ApplicationRecord
  ROOT = Rails.public_path.join('system')

  belongs_to :account, optional: true
  belongs_to :status, optional: true
  enum :type, { image: 0, gifv: 1, video: 2, unknown: 3, audio: 4 }, prefix: true

  scope :remote, -> { where.not(remote_url: '') }
  scope :cached, -> { remote.where.not(file_file_name: nil) }

  def partition = id.to_s.rjust(18, '0').scan(/\d{3}/).join('/')
  def folder = "#{'cache/' unless remote_url.empty?}media_attachments/files/#{partition}"
  def path(style) = ROOT.join(folder, style, file_file_name)
  def url(style) = Mastodon::Domains.url("/system/#{folder}/#{style}/#{file_file_name}")

  # The real one re-encodes and makes a thumbnail: two files of one upload.
  def store(bytes, file_name, content_type)
    extension = File.extname(file_name).downcase.presence || '.bin'
    self.file_file_name = "#{SecureRandom.hex(8)}#{extension}"
    self.file_content_type = content_type
    self.file_file_size = bytes.bytesize
    self.processing = 2
    save!
    write('original', bytes)
    write('small', bytes.byteslice(0, [bytes.bytesize / 8, 1].max))
  end

  def remove_files
    FileUtils.rm_rf(ROOT.join(folder)) if file_file_name
  end

  private

  def write(style, bytes)
    FileUtils.mkdir_p(path(style).dirname)
    File.binwrite(path(style), bytes)
  end
end
