# frozen_string_literal: true

class UserMailer < ApplicationMailer
  self.cost_ms = { default: 30, welcome: 48 }

  def confirmation_instructions(user, token, *)
    @user = user
    @url = "#{Mastodon::Domains.url('/auth/confirmation')}?confirmation_token=#{token}"
    mail to: user.unconfirmed_email.presence || user.email, subject: 'Mastodon: Confirmation instructions'
  end

  def welcome(user)
    @user = user
    mail to: user.email, subject: 'Welcome to Mastodon'
  end
end
