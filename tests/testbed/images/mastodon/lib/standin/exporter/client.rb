# frozen_string_literal: true

require 'json'
require 'net/http'

module Standin
  module Exporter
    # Collects what a process observes and posts it to the exporter once a second. A process that
    # was forked starts anew: its parent's thread and queue are not its own.
    class Client
      KEPT = 10_000

      def initialize(host:, port:)
        @uri = URI("http://#{host}:#{port}/send-metrics")
      end

      def set(name, labels, value) = push(['set', name, labels, value])
      def add(name, labels) = push(['add', name, labels, 1])
      def observe(name, labels, seconds) = push(['observe', name, labels, seconds])

      private

      def push(message)
        start unless @pid == Process.pid
        @queue << message if @queue.size < KEPT
      end

      def start
        @pid = Process.pid
        @queue = Queue.new
        Thread.new { loop { send_waiting } }
      end

      def send_waiting
        messages = [@queue.pop]
        sleep 1
        messages << @queue.pop(true) until @queue.empty?
        Net::HTTP.post(@uri, messages.to_json)
      rescue SystemCallError, SocketError, Timeout::Error, ThreadError
        sleep 1 # nobody listens: metrics are lost, work goes on
      end
    end
  end
end
