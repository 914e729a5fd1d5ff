# frozen_string_literal: true

module Standin
  # Tables about people and what they may do.
  module PeopleTables
    module_function

    def create(m)
      people(m)
      access(m)
    end

    def people(m)
      m.create_table :accounts, **BaseTables::SNOWFLAKE['accounts'] do |t|
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
  end
end
