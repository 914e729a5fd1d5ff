# frozen_string_literal: true

namespace :mastodon do
  namespace :webpush do
    desc 'Print a VAPID key pair'
    task :generate_vapid_key do
      key = OpenSSL::PKey::EC.generate('prime256v1')
      puts "VAPID_PRIVATE_KEY=#{Base64.urlsafe_encode64(key.private_key.to_s(2).rjust(32, "\0"))}"
      puts "VAPID_PUBLIC_KEY=#{Base64.urlsafe_encode64(key.public_key.to_bn.to_s(2))}"
    end
  end
end

namespace :sidekiq_unique_jobs do
  desc 'Forget every uniqueness lock'
  task delete_all_locks: :environment do
    Sidekiq.redis { |redis| redis.call('KEYS', 'uniquejobs:*').each { |key| redis.call('DEL', key) } }
  end
end
