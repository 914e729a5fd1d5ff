"""Measures a scrape of our exporter with a million jobs queued, beside others in the same run.

The others are redis_exporter, and Sidekiq's own API in Ruby with what its exporters export (RubyGems, where
these are, cannot be reached from everywhere; Debian carries Sidekiq itself).

    python tests/benchmarks/exporter.py            about ten minutes; root, Docker and the testbed's images
    python tests/benchmarks/exporter.py 2000       fewer scrapes than 10,000

Redis and PostgreSQL run in containers of their own, without any network, and are removed afterwards.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from instancectl.adapters.container_network import ContainerNetwork  # noqa: E402 - the path comes first
from instancectl.adapters.redis_line import RespRedisLine  # noqa: E402
from instancectl.core.secrets import Secret  # noqa: E402
from instancectl.core.sizes import QUEUES  # noqa: E402
from tests.contract.standin_harness import built_images, docker, eventually  # noqa: E402
from tests.contract.store_containers import PASSWORD, network_of, postgres, process_of, redis, redis_cli  # noqa: E402

JOBS, OTHER_KEYS, RETRIES, PROCESSES, THREADS = 1_000_000, 1_000_000, 200_000, 8, 25
SCRAPES, WARM = 10_000, 200
FEW = 1_000

FILL = """
local now = redis.call('TIME')[1]
redis.call('SADD', 'queues', 'push')
for i = 1, tonumber(ARGV[2]) do
  local n = tonumber(ARGV[1]) + i
  if KEYS[1] == 'jobs' then
    redis.call('RPUSH', 'queue:push', '{"retry":16,"queue":"push","dead":false,'
      .. '"class":"ActivityPub::DeliveryWorker","args":["' .. string.rep('x', 100) .. '",' .. n
      .. ',"https://remote.example/inbox"],"jid":"' .. n
      .. '","created_at":' .. now .. '000,"enqueued_at":' .. now .. '000}')
  elseif KEYS[1] == 'keys' then
    redis.call('SET', 'cache:something:' .. n, 'x')
  else
    redis.call('ZADD', 'retry', now + n, '{"queue":"push","jid":"' .. n .. '"}')
  end
end
"""
STEP = 50_000
FILL_SECONDS = 120

SERVE = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.benchmarks.exporter import serve
serve(int(sys.argv[2]), int(sys.argv[3]))
"""


SIDEKIQ = r"""
require 'sidekiq/api'
require 'socket'
Sidekiq.configure_client { |config| config.redis = { url: ENV.fetch('REDIS_URL') } }

def text
  stats, out = Sidekiq::Stats.new, []
  %i(processed failed enqueued scheduled_size retry_size dead_size processes_size workers_size).each do |name|
    out << "sidekiq_#{name} #{stats.public_send(name)}"
  end
  Sidekiq::Queue.all.each do |queue|
    out << "sidekiq_queue_enqueued_jobs{name=\"#{queue.name}\"} #{queue.size}"
    out << "sidekiq_queue_latency_seconds{name=\"#{queue.name}\"} #{queue.latency}"
  end
  longest = Hash.new(0)
  Sidekiq::WorkSet.new.each do |_, _, job|
    longest[job.queue] = [longest[job.queue], Time.now - job.run_at].max
  end
  longest.each { |queue, time| out << "sidekiq_queue_max_processing_seconds{name=\"#{queue}\"} #{time}" }
  out.join("\n")
end

server = TCPServer.new('127.0.0.1', 9292)
loop do
  client = server.accept
  while (line = client.gets)
    next unless line == "\r\n"

    body = text
    client.write("HTTP/1.1 200 OK\r\nContent-Length: #{body.bytesize}\r\n\r\n#{body}")
  end
  client.close
end
"""


@dataclass(frozen=True)
class Scraped:
    """Many scrapes of one exporter."""

    seconds: list[float]
    cpu_seconds: float
    rss_bytes: int
    early_rss_bytes: int

    @property
    def p50(self) -> float:
        return statistics.median(self.seconds) * 1000

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.seconds, n=100)[98] * 1000

    @property
    def cpu_ms(self) -> float:
        return self.cpu_seconds / len(self.seconds) * 1000

    def row(self, name: str) -> str:
        share = self.cpu_ms / 15_000 * 100
        return (
            f"| {name} | {len(self.seconds)} | {self.p50:.1f} | {self.p99:.1f} | {self.cpu_ms:.2f} "
            f"| {share:.3f} % | {self.rss_bytes / 2**20:.1f} |"
        )


def serve(redis_process: int, database_process: int) -> None:
    """The exporter as the agent has it, on a port that it prints; runs until it is killed."""
    from instancectl.adapters.daemon_threads import DaemonThreads
    from instancectl.adapters.exposition import MetricsServer
    from instancectl.adapters.host_psutil import PsutilHost
    from instancectl.adapters.http_probe import SocketHttpProbe
    from instancectl.adapters.postgres import PostgresLine
    from instancectl.adapters.smtp import SmtpServer
    from instancectl.adapters.sqlite.uptime_ledger import SqliteLedger
    from instancectl.adapters.stack_sight import ResidentStack
    from instancectl.adapters.system_clock import SystemClock
    from instancectl.core.config import InstanceConfig
    from instancectl.operations.monitoring import Senses
    from instancectl.operations.monitoring.collecting import Collectors
    from instancectl.operations.monitoring.watch import Watch

    def line_to(process: int, port: int) -> Callable[[float], socket.socket]:
        network = ContainerNetwork(lambda: process)
        return lambda seconds: network.connect(("127.0.0.1", port), seconds)

    senses = Senses(
        stack=ResidentStack("nothing"),
        redis=RespRedisLine(line_to(redis_process, 6379), Secret(PASSWORD)),
        database=PostgresLine(line_to(database_process, 5432), Secret(PASSWORD)),
        inside=SocketHttpProbe(),
        outside=SocketHttpProbe(),
        mail=SmtpServer(),
        host=PsutilHost(),
        together=DaemonThreads(),
        clock=SystemClock(),
        ledger=SqliteLedger(Path("/nonexistent/uptime.sqlite3")),
    )
    watch = Watch(InstanceConfig.model_validate({"instance": {"domain": "bench.example"}}))
    collectors = Collectors(senses)
    server = MetricsServer(
        ("127.0.0.1", 0), lambda: [*watch.samples({}, {}), *collectors.samples()], watch.verdict
    )
    server.start()
    print(server.port, flush=True)
    time.sleep(3600)


@contextlib.contextmanager
def ours(
    redis_name: str, database_name: str
) -> Iterator[tuple[int, Callable[[], http.client.HTTPConnection]]]:
    """(process, connection) of our exporter."""
    words = [
        sys.executable,
        "-c",
        SERVE,
        str(ROOT),
        str(process_of(redis_name)),
        str(process_of(database_name)),
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline())
            yield process.pid, lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        finally:
            process.kill()


@contextlib.contextmanager
def redis_exporter(
    redis_name: str, *options: str
) -> Iterator[tuple[int, Callable[[], http.client.HTTPConnection]]]:
    """The same of redis_exporter, in the network of Redis."""
    tag, name = built_images("prometheus")["prometheus"], f"{redis_name}-exporter"
    docker(
        "run", "--detach", "--name", name, "--network", f"container:{redis_name}", "--env",
        f"REDIS_PASSWORD={PASSWORD}", "--entrypoint", "/usr/bin/prometheus-redis-exporter", tag, *options,
    )  # fmt: skip
    network = network_of(name)

    def connect() -> http.client.HTTPConnection:
        made = http.client.HTTPConnection("127.0.0.1", 9121, timeout=30)
        made.sock = network.connect(("127.0.0.1", 9121), 30)
        return made

    try:
        eventually(lambda: connect().sock is not None)
        yield process_of(name), connect
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


@contextlib.contextmanager
def sidekiq_api(redis_name: str) -> Iterator[tuple[int, Callable[[], http.client.HTTPConnection]]]:
    """The same of Sidekiq's API, in the network of Redis."""
    tag, name = built_images("mastodon")["mastodon"], f"{redis_name}-sidekiq"
    docker(
        "run", "--detach", "--name", name, "--network", f"container:{redis_name}", "--env",
        f"REDIS_URL=redis://:{PASSWORD}@127.0.0.1:6379/0", "--entrypoint", "ruby", tag, "-e", SIDEKIQ,
    )  # fmt: skip
    network = network_of(name)

    def connect() -> http.client.HTTPConnection:
        made = http.client.HTTPConnection("127.0.0.1", 9292, timeout=60)
        made.sock = network.connect(("127.0.0.1", 9292), 60)
        return made

    try:
        eventually(lambda: listens(connect))
        yield process_of(name), connect
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


def listens(connect: Callable[[], http.client.HTTPConnection]) -> bool:
    try:
        connect().close()
    except OSError:
        return False
    return True


def scraped(process: int, connect: Callable[[], http.client.HTTPConnection], times: int) -> Scraped:
    """Scrapes over one connection, as Prometheus makes them."""
    print(f"scraping {times} times …", file=sys.stderr, flush=True)
    connection, seconds = connect(), []
    warm = min(WARM, times // 2)
    for _ in range(warm):
        scrape(connection)
    early, before = rss(process), cpu(process)
    for _ in range(times):
        started = time.perf_counter()
        scrape(connection)
        seconds.append(time.perf_counter() - started)
    connection.close()
    return Scraped(seconds, cpu(process) - before, rss(process), early)


def scrape(connection: http.client.HTTPConnection) -> bytes:
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return body


def rss(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def writing(name: str) -> Iterator[RespRedisLine]:
    """A connection that waits as long as filling takes."""
    network = network_of(name)
    line = RespRedisLine(
        lambda seconds: network.connect(("127.0.0.1", 6379), seconds), Secret(PASSWORD), FILL_SECONDS
    )
    yield line
    line.close()


def fill(line: RespRedisLine, what: str, number: int) -> None:
    print(f"filling in {number:,} {what} …", file=sys.stderr, flush=True)
    for first in range(0, number, STEP):
        line.ask([("EVAL", FILL, "1", what, str(first), str(min(STEP, number - first)))])


def busy_processes(line: RespRedisLine) -> None:
    """Eight processes with every thread at work."""
    for number in range(PROCESSES):
        identity, now = f"host{number:08}:1:abc", time.time()
        info = {
            "hostname": f"host{number:08}",
            "version": "8.1.7",
            "capsules": {"default": {"weights": dict.fromkeys(QUEUES, 1)}},
        }
        record = {
            "info": json.dumps(info), "beat": str(now + 3600), "quiet": "false", "busy": str(THREADS),
            "concurrency": str(THREADS), "rss": "300000", "rtt_us": "120",
        }  # fmt: skip
        job = json.dumps({"queue": "push", "payload": json.dumps({"args": ["x" * 2000]}), "run_at": int(now)})
        at_work = [word for thread in range(THREADS) for word in (str(thread), job)]
        line.ask([
            ("SADD", "processes", identity),
            ("HSET", identity, *(word for pair in record.items() for word in pair)),
            ("HSET", f"{identity}:work", *at_work),
        ])  # fmt: skip


def main() -> int:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else SCRAPES
    with redis() as name, postgres() as database:
        with writing(name) as line:
            busy_processes(line)
            fill(line, "jobs", FEW)
        with ours(name, database) as (process, connect):
            few = scraped(process, connect, min(times, 1000))
        with writing(name) as line:
            fill(line, "jobs", JOBS - FEW)
            fill(line, "keys", OTHER_KEYS)
            fill(line, "retries", RETRIES)
            line.ask([("CONFIG", "RESETSTAT")])
        with ours(name, database) as (process, connect):
            many = scraped(process, connect, times)
            text = scrape(connect()).decode()
        commands = redis_cli(name, "INFO", "commandstats")
        with redis_exporter(name) as (process, connect):
            plain = scraped(process, connect, min(times, 2000))
        with redis_exporter(name, "-count-keys", "db0=queue:*") as (process, connect):
            counting = scraped(process, connect, 5)
        with sidekiq_api(name) as (process, connect):
            ruby = scraped(process, connect, min(times, 1000))
    print(table(few, many, plain, counting, ruby))
    return report(few, many, text, commands)


def table(*rows: Scraped) -> str:
    few, many, plain, counting, ruby = rows
    return "\n".join([
        "| exporter | scrapes | p50 ms | p99 ms | CPU ms | of a core at 15 s | RSS MiB |",
        "|---|---:|---:|---:|---:|---:|---:|",
        few.row(f"ours, {FEW:,} jobs"),
        many.row(f"ours, {JOBS:,} jobs and {OTHER_KEYS:,} other keys"),
        plain.row("redis_exporter, the same"),
        counting.row("redis_exporter that counts `queue:*`, the same"),
        ruby.row("Sidekiq's own API, the same"),
    ])  # fmt: skip


def report(few: Scraped, many: Scraped, text: str, commands: str) -> int:
    used = {
        line.partition(":")[0].removeprefix("cmdstat_") for line in commands.splitlines() if "cmdstat" in line
    }
    bounds = {
        "p50 < 10 ms": many.p50 < 10,
        "p99 < 50 ms": many.p99 < 50,
        "< 0.1 % of a core at 15 s": many.cpu_ms < 15,
        "RSS < 60 MiB": many.rss_bytes < 60 * 2**20,
        "growth < 2 MiB": many.rss_bytes - many.early_rss_bytes < 2 * 2**20,
        "1,000 and 1,000,000 jobs within 2 ×": many.p50 < 2 * few.p50,
        "no SCAN, KEYS or LRANGE": not used & {"scan", "keys", "lrange", "sort"},
        "all jobs seen": f'instancectl_sidekiq_queue_jobs{{queue="push"}} {float(JOBS):g}' in text,
        "< 600 series": sum(not line.startswith("#") for line in text.splitlines()) < 600,
    }
    for bound, holds in bounds.items():
        print(f"{'ok    ' if holds else 'MISSED'} {bound}")
    return 0 if all(bounds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
