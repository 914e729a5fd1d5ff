# frozen_string_literal: true

require_relative 'base'

module Mastodon
  module CLI
    class Media < Base
      include ActionView::Helpers::NumberHelper

      desc 'remove', 'Remove remote media files, headers or avatars'
      option :days, type: :numeric, default: 7, aliases: [:d]
      option :dry_run, type: :boolean
      option :concurrency, type: :numeric, default: 5, aliases: [:c]
      option :keep_interacted, type: :boolean
      def remove
        count = bytes = 0
        MediaAttachment.cached.where(created_at: ...options[:days].days.ago).find_each do |attachment|
          count += 1
          bytes += attachment.file_file_size.to_i
          forget(attachment) unless options[:dry_run]
        end
        note = ' (DRY RUN)' if options[:dry_run]
        say("Removed #{count} media attachments (approx. #{number_to_human_size(bytes)})#{note}", :green)
      end

      desc 'usage', 'Calculate disk space consumed by Mastodon'
      def usage
        print_table([%w(Object Total Local), *rows])
      end

      private

      def forget(attachment)
        attachment.remove_files
        attachment.update!(file_file_name: nil, file_file_size: nil)
      end

      def rows
        [
          ['Attachments', sum(MediaAttachment, :file_file_size, :thumbnail_file_size), sum(MediaAttachment.where(account: Account.local), :file_file_size, :thumbnail_file_size)],
          ['Custom Emoji', sum(CustomEmoji, :image_file_size), sum(CustomEmoji.where(domain: nil), :image_file_size)],
          ['Avatars', sum(Account, :avatar_file_size), sum(Account.local, :avatar_file_size)],
          ['Headers', sum(Account, :header_file_size), sum(Account.local, :header_file_size)],
          ['Preview Cards', sum(PreviewCard, :image_file_size), nil],
          ['Backups', sum(Backup, :dump_file_size), nil],
          ['Settings', sum(SiteUpload, :file_file_size), nil],
        ]
      end

      def sum(scope, *columns) = number_to_human_size(columns.sum { |column| scope.sum(column).to_i })
    end
  end
end
