# frozen_string_literal: true

# The Cache-Control and Vary headers that make anonymous answers cacheable (tests/captured/README.md).
module Caching
  private

  # seconds, and whether stale answers may be used (captured: profile and API yes, well-known no)
  def cacheable(seconds, stale_if_error: nil)
    extras = stale_if_error ? ", stale-while-revalidate=30, stale-if-error=#{stale_if_error}" : ''
    response.headers['Cache-Control'] = "max-age=#{seconds}, public#{extras}"
    response.headers['Date'] = Time.now.httpdate
  end

  def private_answer = response.headers['Cache-Control'] = 'private, no-store'
  def vary(*names) = response.headers['Vary'] = names.join(', ')
end
