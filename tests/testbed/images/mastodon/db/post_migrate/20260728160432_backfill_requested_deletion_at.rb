# frozen_string_literal: true

class BackfillRequestedDeletionAt < ActiveRecord::Migration[7.2]
  def up
    execute <<~SQL.squish
      UPDATE accounts SET requested_deletion_at = r.created_at
      FROM account_deletion_requests r WHERE r.account_id = accounts.id AND accounts.requested_deletion_at IS NULL
    SQL
  end

  def down; end
end
