# frozen_string_literal: true

module Standin
  # Burns the CPU that the real Mastodon was measured to need (milliseconds of thread CPU time).
  #
  # `STANDIN_COST` scales every figure (0 switches it off). What the stand-in itself needs is
  # counted in, so a request of 50 ms costs 50 ms and not 50 ms on top of its own work.
  module Cost
    # Rails code drops the interpreter lock at every query; a pure loop would keep it for 100 ms.
    SLICE_MS = 2.0

    module_function

    def factor = @factor ||= Float(ENV.fetch('STANDIN_COST', '1'))

    # `cost` in milliseconds, or something to call for them once the work is done.
    def spend(cost)
      started = thread_ms
      yield
    ensure
      milliseconds = cost.respond_to?(:call) ? cost.call : cost
      burn_until(started + (milliseconds * factor))
    end

    # The real boot needs 4.5 s of CPU. The default of 2 s keeps suites that run dozens of
    # one-shot commands quick; STANDIN_BOOT_SECONDS=4.5 gives the measured behaviour.
    def finish_boot
      wanted = Float(ENV.fetch('STANDIN_BOOT_SECONDS', '2'))
      left = wanted - Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
      burn_until(thread_ms + (left * 1000)) if left.positive?
    end

    def burn_until(deadline)
      until thread_ms >= deadline
        slice = thread_ms + SLICE_MS
        nil until thread_ms >= slice || thread_ms >= deadline
        Thread.pass
      end
    end

    def thread_ms = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID, :float_millisecond)
  end
end
