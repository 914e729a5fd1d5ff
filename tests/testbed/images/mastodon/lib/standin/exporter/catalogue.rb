# frozen_string_literal: true

module Standin
  module Exporter
    # group => [name, type, help]; a group appears once one of its metrics was seen.
    CATALOGUE = {
      collector: [
        ['collector_working', 'gauge', 'Is the master process collector able to collect metrics'],
        ['collector_rss', 'gauge', 'total memory used by collector process'],
        ['collector_metrics_total', 'counter', 'Total metrics processed by exporter web.'],
        ['collector_sessions_total', 'counter', 'Total send_metric sessions processed by exporter web.'],
        ['collector_bad_metrics_total', 'counter', 'Total mis-handled metrics by collector.'],
      ],
      http: [
        ['http_requests_total', 'counter', 'Total HTTP requests from web app.'],
        ['http_request_duration_seconds', 'summary', 'Time spent in HTTP reqs in seconds.'],
        ['http_request_redis_duration_seconds', 'summary', 'Time spent in HTTP reqs in Redis, in seconds.'],
        ['http_request_sql_duration_seconds', 'summary', 'Time spent in HTTP reqs in SQL in seconds.'],
        ['http_request_memcache_duration_seconds', 'summary', 'Time spent in HTTP reqs in Memcache in seconds.'],
        ['http_request_queue_duration_seconds', 'summary', 'Time spent queueing the request in load balancer in seconds.'],
      ],
      puma: [
        ['puma_workers', 'gauge', 'Number of puma workers.'],
        ['puma_booted_workers', 'gauge', 'Number of puma workers booted.'],
        ['puma_old_workers', 'gauge', 'Number of old puma workers.'],
        ['puma_running_threads', 'gauge', 'Number of puma threads currently running.'],
        ['puma_request_backlog', 'gauge', 'Number of requests waiting to be processed by a puma thread.'],
        ['puma_thread_pool_capacity', 'gauge', 'Number of puma threads available at current scale.'],
        ['puma_max_threads', 'gauge', 'Number of puma threads at available at max scale.'],
        ['puma_busy_threads', 'gauge', 'Wholistic stat reflecting the overall current state of work to be done and the capacity to do it'],
      ],
      process: [
        ['heap_free_slots', 'gauge', 'Free ruby heap slots.'],
        ['heap_live_slots', 'gauge', 'Used ruby heap slots.'],
        ['rss', 'gauge', 'Total RSS used by process.'],
        ['malloc_increase_bytes_limit', 'gauge', 'Limit before Ruby triggers a GC against current objects (bytes).'],
        ['oldmalloc_increase_bytes_limit', 'gauge', 'Limit before Ruby triggers a major GC against old objects (bytes).'],
        ['marking_time', 'gauge', 'Time spent in GC marking.'],
        ['sweeping_time', 'gauge', 'Time spent in GC sweeping.'],
        ['major_gc_ops_total', 'counter', 'Major GC operations by process.'],
        ['minor_gc_ops_total', 'counter', 'Minor GC operations by process.'],
        ['allocated_objects_total', 'counter', 'Total number of allocated objects by process.'],
      ],
      sidekiq_jobs: [
        ['sidekiq_job_duration_seconds', 'summary', 'Total time spent in sidekiq jobs.'],
        ['sidekiq_jobs_total', 'counter', 'Total number of sidekiq jobs executed.'],
        ['sidekiq_restarted_jobs_total', 'counter', 'Total number of sidekiq jobs that we restarted because of a sidekiq shutdown.'],
        ['sidekiq_failed_jobs_total', 'counter', 'Total number of failed sidekiq jobs.'],
        ['sidekiq_dead_jobs_total', 'counter', 'Total number of dead sidekiq jobs.'],
      ],
      sidekiq_queues: [
        ['sidekiq_queue_backlog', 'gauge', 'Size of the sidekiq queue.'],
        ['sidekiq_queue_latency_seconds', 'gauge', 'Latency of the sidekiq queue.'],
      ],
      sidekiq_process: [
        ['sidekiq_process_busy', 'gauge', 'Number of running jobs'],
        ['sidekiq_process_concurrency', 'gauge', 'Maximum concurrency'],
      ],
      sidekiq_stats: [
        ['sidekiq_stats_dead_size', 'gauge', 'Size of dead the queue'],
        ['sidekiq_stats_enqueued', 'gauge', 'Number of enqueued jobs'],
        ['sidekiq_stats_failed', 'gauge', 'Number of failed jobs'],
        ['sidekiq_stats_processed', 'gauge', 'Total number of processed jobs'],
        ['sidekiq_stats_processes_size', 'gauge', 'Number of processes'],
        ['sidekiq_stats_retry_size', 'gauge', 'Size of the retries queue'],
        ['sidekiq_stats_scheduled_size', 'gauge', 'Size of the scheduled queue'],
        ['sidekiq_stats_workers_size', 'gauge', 'Number of jobs actively being processed'],
      ],
      active_record: [
        ['active_record_connection_pool_connections', 'gauge', 'Total connections in pool'],
        ['active_record_connection_pool_busy', 'gauge', 'Connections in use in pool'],
        ['active_record_connection_pool_dead', 'gauge', 'Dead connections in pool'],
        ['active_record_connection_pool_idle', 'gauge', 'Idle connections in pool'],
        ['active_record_connection_pool_waiting', 'gauge', 'Connection requests waiting'],
        ['active_record_connection_pool_size', 'gauge', 'Maximum allowed connection pool size'],
      ],
    }.freeze
  end
end
