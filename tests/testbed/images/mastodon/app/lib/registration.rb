# frozen_string_literal: true

# A sign-up, by API or form: password hash, key pair, confirmation mail.
class Registration
  def initialize(attributes, address:, application: nil)
    @attributes = attributes
    @address = address
    @application = application
  end

  # The user, saved or with errors.
  def call
    user = User.new(
      email: @attributes[:email], password: @attributes[:password].to_s, locale: 'en', sign_up_ip: @address,
      created_by_application_id: @application&.id, account: Account.new(username: @attributes[:username].to_s)
    )
    user.build_invite_request(text: @attributes[:reason]) if @attributes[:reason].present?
    user.errors.add(:password, 'too_short') if @attributes[:password].to_s.length < 8
    user.save if user.errors.none?
    user
  end
end
