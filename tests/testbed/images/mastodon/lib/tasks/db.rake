# frozen_string_literal: true

# Oldest supported PostgreSQL per release, refused before anything changes.
OLDEST_POSTGRESQL = 14

namespace :db do
  namespace :encryption do
    desc 'Print a set of encryption keys'
    Rake::Task['db:encryption:init'].clear if Rake::Task.task_defined?('db:encryption:init')
    task :init do
      names = %w(DETERMINISTIC_KEY KEY_DERIVATION_SALT PRIMARY_KEY).map { |name| "ACTIVE_RECORD_ENCRYPTION_#{name}" }
      if names.any? { |name| ENV[name].present? } && ENV['IGNORE_ALREADY_SET_SECRETS'] != 'true'
        puts 'The encryption keys are already set. Do NOT change them; IGNORE_ALREADY_SET_SECRETS=true prints a new set anyway.'
        next
      end

      puts <<~MESSAGE
        Add the following secret environment variables to your Mastodon environment (e.g. .env.production), ensure they are shared across all your nodes and do not change them after they are set:

        # Do NOT change these variables once they are set
        #{names.map { |name| "#{name}=#{SecureRandom.alphanumeric(32)}" }.join("\n")}
      MESSAGE
    end
  end

  task pre_migration_check: :environment do
    version = ActiveRecord::Base.connection.database_version / 10_000
    abort "This version of Mastodon requires PostgreSQL #{OLDEST_POSTGRESQL}.0 or newer. Please update PostgreSQL before updating Mastodon." if version < OLDEST_POSTGRESQL
  end
  Rake::Task['db:migrate'].enhance(['db:pre_migration_check'])
end
