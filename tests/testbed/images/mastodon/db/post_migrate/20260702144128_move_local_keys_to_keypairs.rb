# frozen_string_literal: true

# The point of no return of 4.7: an older release finds no signing keys afterwards, and a
# changed encryption key now costs every local account its identity.
class MoveLocalKeysToKeypairs < ActiveRecord::Migration[7.2]
  disable_ddl_transaction!

  def up
    Account.local.where.not(private_key: [nil, '']).find_each do |account|
      Keypair.create_with(type: :rsa, public_key: account.public_key, private_key: account.private_key)
             .find_or_create_by!(account_id: account.id, uri: account.key_uri)
      account.update_columns(private_key: nil, public_key: '')
    end
  end

  def down
    raise ActiveRecord::IrreversibleMigration
  end
end
