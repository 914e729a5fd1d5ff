# frozen_string_literal: true

require_relative 'catalogue'

module Standin
  module Exporter
    # Keeps the newest gauges for a minute, adds counters, and works out summaries.
    class Collector
      QUANTILES = [0.99, 0.9, 0.5, 0.1, 0.01].freeze
      STALE_SECONDS = 60
      KEPT_OBSERVATIONS = 1000

      def initialize(prefix = '')
        @prefix = prefix
        @lock = Mutex.new
        @series = Hash.new { |all, name| all[name] = {} } # name -> {labels => value}
        @messages = @sessions = @bad = 0
      end

      def take(messages)
        @lock.synchronize do
          @sessions += 1
          messages.each { |how, name, labels, value| apply(how, name, labels || {}, value) }
        end
      end

      def render
        @lock.synchronize do
          forget_stale
          metrics = CATALOGUE.select { |group, rows| group == :collector || rows.any? { |name, *| @series.key?(name) } }.values.flatten(1)
          values = @series.merge(own)
          metrics.map { |name, type, help| block(name, type, help, values.fetch(name, {})) }.join("\n")
        end
      end

      private

      def apply(how, name, labels, value)
        @messages += 1
        series = @series[name]
        case how
        when 'set' then series[labels] = [value, Time.now]
        when 'add' then series[labels] = [series.fetch(labels, [0]).first + value, nil]
        when 'observe' then observe(series, labels, value)
        else @bad += 1
        end
      end

      def observe(series, labels, value)
        summary, = series[labels] ||= [{ sum: 0, count: 0, recent: [] }, nil]
        summary[:sum] += value
        summary[:count] += 1
        summary[:recent] = (summary[:recent] << value).last(KEPT_OBSERVATIONS)
      end

      def forget_stale
        @series.each_value { |series| series.reject! { |_, (_, seen)| seen && Time.now - seen > STALE_SECONDS } }
      end

      def own
        rss = File.read('/proc/self/statm').split[1].to_i * 4096
        { 'collector_working' => 1, 'collector_rss' => rss, 'collector_metrics_total' => @messages,
          'collector_sessions_total' => @sessions, 'collector_bad_metrics_total' => @bad }.transform_values { |value| { {} => [value, nil] } }
      end

      def block(name, type, help, series)
        lines = series.flat_map { |labels, (value, _)| type == 'summary' ? summary_lines(name, labels, value) : "#{@prefix}#{name}#{text(labels)} #{value}" }
        "# HELP #{@prefix}#{name} #{help}\n# TYPE #{@prefix}#{name} #{type}\n#{lines.join("\n")}\n"
      end

      def summary_lines(name, labels, summary)
        sorted = summary[:recent].sort
        quantiles = QUANTILES.map { |q| "#{@prefix}#{name}#{text(labels.merge('quantile' => q))} #{sorted[((sorted.size - 1) * q).ceil]}" }
        [*quantiles, "#{@prefix}#{name}_sum#{text(labels)} #{summary[:sum]}", "#{@prefix}#{name}_count#{text(labels)} #{summary[:count]}"]
      end

      def text(labels)
        labels.empty? ? '' : "{#{labels.map { |key, value| "#{key}=#{value.to_s.to_json}" }.join(',')}}"
      end
    end
  end
end
