# frozen_string_literal: true

require_relative 'people_tables'

module Standin
  # Table definitions, split by subject so that each stays readable.
  module BaseTables
    SNOWFLAKE = ->(table) { { id: :bigint, default: -> { "timestamp_id('#{table}'::text)" } } }

    module_function

    def create(m)
      PeopleTables.create(m)
      posts(m)
      moderation(m)
      administration(m)
    end

    def posts(m)
      m.create_table :statuses, **SNOWFLAKE['statuses'] do |t|
        t.string :uri
        t.text :text, null: false, default: ''
        t.bigint :in_reply_to_id
        t.bigint :reblog_of_id
        t.string :url
        t.boolean :sensitive, null: false, default: false
        t.integer :visibility, null: false, default: 0
        t.text :spoiler_text, null: false, default: ''
        t.boolean :reply, null: false, default: false
        t.string :language
        t.boolean :local
        t.bigint :account_id, null: false
        t.bigint :application_id
        t.bigint :ordered_media_attachment_ids, array: true
        t.datetime :deleted_at
        t.datetime :edited_at
        t.timestamps null: false
        t.index :uri, unique: true, where: 'uri IS NOT NULL'
        t.index %i(account_id id)
      end
      m.create_table :media_attachments, **SNOWFLAKE['media_attachments'] do |t|
        t.bigint :status_id
        t.string :file_file_name
        t.string :file_content_type
        t.integer :file_file_size
        t.datetime :file_updated_at
        t.string :remote_url, null: false, default: ''
        t.integer :type, null: false, default: 0
        t.json :file_meta
        t.bigint :account_id
        t.text :description
        t.bigint :scheduled_status_id
        t.string :blurhash
        t.integer :processing
        t.integer :file_storage_schema_version
        t.string :thumbnail_file_name
        t.string :thumbnail_content_type
        t.integer :thumbnail_file_size
        t.string :thumbnail_remote_url
        t.timestamps null: false
        t.index :status_id
        t.index %i(account_id status_id)
      end
      m.create_table :preview_cards do |t|
        t.string :url, null: false, default: ''
        t.string :title, null: false, default: ''
        t.string :image_file_name
        t.integer :image_file_size
        t.timestamps null: false
        t.index :url, unique: true
      end
      m.create_table :custom_emojis do |t|
        t.string :shortcode, null: false, default: ''
        t.string :domain
        t.string :image_file_name
        t.integer :image_file_size
        t.boolean :disabled, null: false, default: false
        t.timestamps null: false
        t.index %i(shortcode domain), unique: true
      end
      m.create_table :notifications do |t|
        t.bigint :activity_id, null: false
        t.string :activity_type, null: false
        t.bigint :account_id, null: false
        t.bigint :from_account_id, null: false
        t.string :type
        t.timestamps null: false
        t.index %i(account_id id)
      end
      m.create_table :scheduled_statuses do |t|
        t.bigint :account_id, null: false
        t.datetime :scheduled_at
        t.jsonb :params
      end
    end

    def moderation(m)
      m.create_table :reports do |t|
        t.bigint :status_ids, array: true, null: false, default: []
        t.text :comment, null: false, default: ''
        t.bigint :account_id, null: false
        t.bigint :target_account_id, null: false
        t.bigint :assigned_account_id
        t.bigint :action_taken_by_account_id
        t.datetime :action_taken_at
        t.integer :category, null: false, default: 0
        t.timestamps null: false
      end
      m.create_table :appeals do |t|
        t.bigint :account_id, null: false
        t.text :text, null: false, default: ''
        t.datetime :approved_at
        t.datetime :rejected_at
        t.timestamps null: false
      end
      m.create_table :ip_blocks do |t|
        t.inet :ip, null: false, default: '0.0.0.0'
        t.integer :severity, null: false, default: 0
        t.datetime :expires_at
        t.text :comment, null: false, default: ''
        t.timestamps null: false
        t.index :ip, unique: true
      end
      m.create_table :domain_blocks do |t|
        t.string :domain, null: false, default: ''
        t.integer :severity, default: 0
        t.boolean :reject_media, null: false, default: false
        t.timestamps null: false
        t.index :domain, unique: true
      end
      m.create_table :email_domain_blocks do |t|
        t.string :domain, null: false, default: ''
        t.bigint :parent_id
        t.boolean :allow_with_approval, null: false, default: false
        t.timestamps null: false
        t.index :domain, unique: true
      end
      m.create_table :unavailable_domains do |t|
        t.string :domain, null: false, default: ''
        t.timestamps null: false
        t.index :domain, unique: true
      end
    end

    def administration(m)
      m.create_table :settings do |t|
        t.string :var, null: false
        t.text :value
        t.timestamps null: true
        t.index :var, unique: true
      end
      m.create_table :site_uploads do |t|
        t.string :var, null: false, default: ''
        t.string :file_file_name
        t.integer :file_file_size
        t.timestamps null: false
        t.index :var, unique: true
      end
      m.create_table :backups do |t|
        t.bigint :user_id
        t.string :dump_file_name
        t.bigint :dump_file_size
        t.boolean :processed, null: false, default: false
        t.timestamps null: false
      end
      m.create_table :bulk_imports do |t|
        t.integer :type, null: false
        t.integer :state, null: false
        t.integer :total_items, null: false, default: 0
        t.integer :processed_items, null: false, default: 0
        t.datetime :finished_at
        t.bigint :account_id, null: false
        t.timestamps null: false
      end
      m.create_table :software_updates do |t|
        t.string :version, null: false
        t.boolean :urgent, null: false, default: false
        t.integer :type, null: false, default: 0
        t.string :release_notes, null: false, default: ''
        t.timestamps null: false
        t.index :version, unique: true
      end
      m.create_table :webhooks do |t|
        t.string :url, null: false
        t.string :events, array: true, null: false, default: []
        t.string :secret, null: false, default: ''
        t.boolean :enabled, null: false, default: true
        t.timestamps null: false
      end
    end
  end
end
