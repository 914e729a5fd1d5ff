# frozen_string_literal: true

module Standin
  # Table definitions, split by subject so that each stays readable.
  module BaseTables
    SNOWFLAKE = ->(table) { { id: :bigint, default: -> { "timestamp_id('#{table}'::text)" } } }

    module_function

    def create(m)
      people(m)
      access(m)
      posts(m)
      moderation(m)
      administration(m)
    end

    def people(m)
      m.create_table :accounts, **SNOWFLAKE['accounts'] do |t|
        t.string :username, null: false, default: ''
        t.string :domain
        t.text :private_key
        t.text :public_key, null: false, default: ''
        t.text :note, null: false, default: ''
        t.string :display_name, null: false, default: ''
        t.string :uri, null: false, default: ''
        t.string :url
        t.string :avatar_file_name
        t.integer :avatar_file_size
        t.string :avatar_remote_url
        t.string :header_file_name
        t.integer :header_file_size
        t.string :header_remote_url, null: false, default: ''
        t.string :inbox_url, null: false, default: ''
        t.string :shared_inbox_url, null: false, default: ''
        t.string :outbox_url, null: false, default: ''
        t.boolean :locked, null: false, default: false
        t.boolean :discoverable
        t.string :actor_type
        t.integer :id_scheme, default: 1
        t.integer :protocol, null: false, default: 0
        t.datetime :suspended_at
        t.datetime :silenced_at
        t.integer :suspension_origin
        t.timestamps null: false
        t.index :uri
        t.index 'lower(username), COALESCE(lower(domain), \'\')', unique: true, name: 'index_accounts_on_username_and_domain_lower'
      end
      m.create_table :account_stats do |t|
        t.bigint :account_id, null: false
        t.bigint :statuses_count, null: false, default: 0
        t.bigint :following_count, null: false, default: 0
        t.bigint :followers_count, null: false, default: 0
        t.datetime :last_status_at
        t.timestamps null: false
        t.index :account_id, unique: true
      end
      m.create_table :follows do |t|
        t.bigint :account_id, null: false
        t.bigint :target_account_id, null: false
        t.string :uri
        t.timestamps null: false
        t.index %i(account_id target_account_id), unique: true
        t.index :target_account_id
      end
      m.create_table :account_deletion_requests do |t|
        t.bigint :account_id
        t.timestamps null: false
      end
      m.create_table :user_roles do |t|
        t.string :name, null: false, default: ''
        t.string :color, null: false, default: ''
        t.integer :position, null: false, default: 0
        t.bigint :permissions, null: false, default: 0
        t.boolean :highlighted, null: false, default: false
        t.timestamps null: false
      end
      m.create_table :invites do |t|
        t.bigint :user_id, null: false
        t.string :code, null: false, default: ''
        t.datetime :expires_at
        t.integer :max_uses
        t.integer :uses, null: false, default: 0
        t.timestamps null: false
        t.index :code, unique: true
      end
      m.create_table :users do |t|
        t.string :email, null: false, default: ''
        t.string :encrypted_password, null: false, default: ''
        t.string :reset_password_token
        t.datetime :reset_password_sent_at
        t.integer :sign_in_count, null: false, default: 0
        t.datetime :current_sign_in_at
        t.datetime :last_sign_in_at
        t.string :confirmation_token
        t.datetime :confirmed_at
        t.datetime :confirmation_sent_at
        t.string :unconfirmed_email
        t.string :locale
        t.boolean :otp_required_for_login, null: false, default: false
        t.string :otp_secret
        t.string :otp_backup_codes, array: true
        t.bigint :account_id, null: false
        t.boolean :disabled, null: false, default: false
        t.bigint :invite_id
        t.bigint :created_by_application_id
        t.boolean :approved, null: false, default: true
        t.inet :sign_up_ip
        t.bigint :role_id
        t.text :settings
        t.timestamps null: false
        t.index :email, unique: true
        t.index :account_id
        t.index :confirmation_token, unique: true
      end
      m.create_table :user_invite_requests do |t|
        t.bigint :user_id
        t.text :text
        t.timestamps null: false
      end
    end

    def access(m)
      m.create_table :oauth_applications do |t|
        t.string :name, null: false
        t.string :uid, null: false
        t.string :secret, null: false
        t.text :redirect_uri, null: false
        t.string :scopes, null: false, default: ''
        t.string :website
        t.bigint :owner_id
        t.string :owner_type
        t.boolean :confidential, null: false, default: true
        t.timestamps null: true
        t.index :uid, unique: true
      end
      m.create_table :oauth_access_tokens do |t|
        t.string :token, null: false
        t.string :refresh_token
        t.integer :expires_in
        t.datetime :revoked_at
        t.datetime :created_at, null: false
        t.string :scopes
        t.bigint :application_id
        t.bigint :resource_owner_id
        t.datetime :last_used_at
        t.inet :last_used_ip
        t.index :token, unique: true
        t.index :resource_owner_id
      end
      m.create_table :session_activations do |t|
        t.string :session_id, null: false
        t.string :user_agent, null: false, default: ''
        t.inet :ip
        t.bigint :access_token_id
        t.bigint :user_id, null: false
        t.timestamps null: false
        t.index :session_id, unique: true
      end
      m.create_table :login_activities do |t|
        t.bigint :user_id, null: false
        t.string :authentication_method
        t.string :provider
        t.boolean :success
        t.string :failure_reason
        t.inet :ip
        t.string :user_agent
        t.datetime :created_at
      end
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
