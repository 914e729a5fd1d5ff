# frozen_string_literal: true

require 'socket'

module Standin
  module Exporter
    # Each method returns [name, labels, value] triples.
    module Samples
      module_function

      def process(type)
        gc = GC.stat
        labels = { type: type, pid: Process.pid.to_s, hostname: Socket.gethostname }
        {
          'heap_free_slots' => gc[:heap_free_slots], 'heap_live_slots' => gc[:heap_live_slots],
          'rss' => File.read('/proc/self/statm').split[1].to_i * 4096,
          'malloc_increase_bytes_limit' => gc[:malloc_increase_bytes_limit],
          'oldmalloc_increase_bytes_limit' => gc[:oldmalloc_increase_bytes_limit], 'marking_time' => gc[:marking_time],
          'sweeping_time' => gc[:sweeping_time], 'major_gc_ops_total' => gc[:major_gc_count],
          'minor_gc_ops_total' => gc[:minor_gc_count], 'allocated_objects_total' => gc[:total_allocated_objects]
        }.map { |name, value| [name, labels, value] } + active_record(type)
      end

      def active_record(type)
        pool = ActiveRecord::Base.connection_pool
        config = pool.db_config.configuration_hash
        labels = { type: type, pool_name: 'primary', dbconfig_database: pool.db_config.database.to_s, dbconfig_host: config[:host].to_s,
                   pid: Process.pid.to_s, hostname: Socket.gethostname }
        stat = pool.stat
        %i(connections busy dead idle waiting size).map { |key| ["active_record_connection_pool_#{key}", labels, stat[key]] }
      end

      def puma(stats)
        workers = stats.fetch(:worker_status, []).map { |worker| worker[:last_status] }
        sum = ->(key) { workers.sum { |worker| worker[key].to_i } }
        labels = { phase: stats[:phase].to_s }
        {
          'puma_workers' => stats[:workers], 'puma_booted_workers' => stats[:booted_workers], 'puma_old_workers' => stats[:old_workers],
          'puma_running_threads' => sum[:running], 'puma_request_backlog' => sum[:backlog], 'puma_thread_pool_capacity' => sum[:pool_capacity],
          'puma_max_threads' => sum[:max_threads], 'puma_busy_threads' => sum[:busy_threads]
        }.map { |name, value| [name, labels, value.to_i] }
      end

      # This process as it shows itself in Redis; nothing before its first heartbeat.
      def sidekiq_process
        process = Sidekiq::ProcessSet.new.find { |other| other['pid'] == Process.pid && other['hostname'] == Socket.gethostname }
        return [] if process.nil?

        labels = { labels: process.labels.join(','), queues: process.queues.sort.join(','), quiet: process.stopping?.to_s, tag: process.tag,
                   hostname: process['hostname'], identity: process.identity }
        [['sidekiq_process_busy', labels, process['busy'].to_i], ['sidekiq_process_concurrency', labels, process['concurrency'].to_i]]
      end

      # Only queues that exist; every process reports the same, so the maximum counts and not the sum.
      def sidekiq_queues
        Sidekiq::Queue.all.flat_map do |queue|
          [['sidekiq_queue_backlog', { queue: queue.name }, queue.size], ['sidekiq_queue_latency_seconds', { queue: queue.name }, queue.latency]]
        end
      end

      def sidekiq_stats
        stats = Sidekiq::Stats.new
        { dead_size: stats.dead_size, enqueued: stats.enqueued, failed: stats.failed, processed: stats.processed,
          processes_size: stats.processes_size, retry_size: stats.retry_size, scheduled_size: stats.scheduled_size,
          workers_size: stats.workers_size }.map { |name, value| ["sidekiq_stats_#{name}", {}, value] }
      end
    end
  end
end
