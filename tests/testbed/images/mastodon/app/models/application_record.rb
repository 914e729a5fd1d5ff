# frozen_string_literal: true

class ApplicationRecord < ActiveRecord::Base
  primary_abstract_class
  self.inheritance_column = :_no_single_table_inheritance # several tables have a plain `type`
end
