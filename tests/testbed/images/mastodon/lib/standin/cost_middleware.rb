# frozen_string_literal: true

require_relative 'cost'

module Standin
  # The outermost layer: burns what is left of a request's measured CPU after everything else, so
  # that routing, throttles and logging are part of the figure.
  class CostMiddleware
    KEY = 'standin.cost_ms'

    def initialize(app)
      @app = app
    end

    def call(env)
      answer = nil
      Cost.spend(-> { env.fetch(KEY, 0) }) { answer = @app.call(env) }
      answer
    end
  end
end
