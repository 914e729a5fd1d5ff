# frozen_string_literal: true

require 'json'
require 'socket'
require_relative 'collector'

module Standin
  module Exporter
    # `/metrics`, `/ping`, and `/send-metrics` for the processes that report. Plain sockets: it
    # also runs alone as bin/prometheus_exporter, without Rails.
    class Server
      def initialize(bind:, port:, prefix: '')
        @collector = Collector.new(prefix)
        @listener = TCPServer.new(bind, port)
      end

      def start
        loop do
          socket = @listener.accept
          Thread.new { serve(socket) }
        end
      end

      private

      def serve(socket)
        verb, path = socket.gets.to_s.split
        length = 0
        while (line = socket.gets) && line != "\r\n"
          length = line.split(':')[1].to_i if line.downcase.start_with?('content-length:')
        end
        body = length.positive? ? socket.read(length) : ''
        status, text = answer(verb, path, body)
        socket.write("HTTP/1.1 #{status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: #{text.bytesize}\r\nConnection: close\r\n\r\n#{text}")
      rescue SystemCallError, IOError
        nil
      ensure
        socket.close
      end

      def answer(verb, path, body)
        case [verb, path]
        when ['GET', '/metrics'] then ['200 OK', @collector.render]
        when ['GET', '/ping'] then ['200 OK', 'PONG']
        when ['POST', '/send-metrics']
          @collector.take(JSON.parse(body))
          ['200 OK', 'OK']
        else ['404 Not Found', 'Not Found! The Prometheus Ruby Exporter only listens on /ping, /metrics and /send-metrics']
        end
      end
    end
  end
end
