# frozen_string_literal: true

# Touches neither PostgreSQL nor Redis, as the real one: it proves the process, nothing else.
class HealthController < ActionController::Base
  def show
    response.headers['Vary'] = 'Accept'
    render plain: 'OK'
  end
end
