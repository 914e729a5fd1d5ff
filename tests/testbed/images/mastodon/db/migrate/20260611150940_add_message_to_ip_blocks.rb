# frozen_string_literal: true

class AddMessageToIpBlocks < ActiveRecord::Migration[7.2]
  def change
    add_column :ip_blocks, :message, :text
  end
end
