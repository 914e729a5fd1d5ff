# frozen_string_literal: true

# The messages that web and sidekiq publish and streaming hands to sockets.
module StreamEvent
  module_function

  def update(status)
    { event: 'update', payload: Serializers.status(status), queued_at: (Time.now.to_f * 1000).to_i }.to_json
  end
end
