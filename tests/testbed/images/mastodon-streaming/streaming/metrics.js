// `/metrics` with the names, types and labels of captured/metrics/streaming.txt.
'use strict';

const fs = require('node:fs');
const v8 = require('node:v8');
const { monitorEventLoopDelay, PerformanceObserver, constants } = require('node:perf_hooks');
const { NAMES } = require('./channels');

const GC_BUCKETS = [0.001, 0.01, 0.1, 1, 2, 5];
const GC_KINDS = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major', [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental', [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
const collections = new Map(); // kind -> {sum, count, buckets}
new PerformanceObserver((list) => list.getEntries().forEach(countCollection)).observe({ entryTypes: ['gc'] });

function countCollection(entry) {
  const kind = GC_KINDS[entry.detail.kind];
  const seconds = entry.duration / 1000;
  const row = collections.get(kind) || { sum: 0, count: 0, buckets: GC_BUCKETS.map(() => 0) };
  row.sum += seconds;
  row.count += 1;
  GC_BUCKETS.forEach((bound, index) => { if (seconds <= bound) row.buckets[index] += 1; });
  collections.set(kind, row);
}

const label = (labels) => `{${Object.entries(labels).map(([key, value]) => `${key}="${value}"`).join(',')}}`;

// rows: a number, or a list of [labels, number, name suffix]
function block(name, type, help, rows) {
  const list = Array.isArray(rows) ? rows : [[null, rows]];
  const lines = list.map(([labels, value, suffix = '']) => `${name}${suffix}${labels ? label(labels) : ''} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
}

function processBlocks() {
  const usage = process.cpuUsage();
  const status = fs.readFileSync('/proc/self/status', 'utf8');
  const kilobytes = (field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)[1]) * 1024;
  const limit = /^Max open files\s+(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8'));
  return [
    block('process_cpu_user_seconds_total', 'counter', 'Total user CPU time spent in seconds.', usage.user / 1e6),
    block('process_cpu_system_seconds_total', 'counter', 'Total system CPU time spent in seconds.', usage.system / 1e6),
    block('process_cpu_seconds_total', 'counter', 'Total user and system CPU time spent in seconds.', (usage.user + usage.system) / 1e6),
    block('process_start_time_seconds', 'gauge', 'Start time of the process since unix epoch in seconds.', Math.floor(Date.now() / 1000 - process.uptime())),
    block('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', kilobytes('VmRSS')),
    block('process_virtual_memory_bytes', 'gauge', 'Virtual memory size in bytes.', kilobytes('VmSize')),
    block('process_heap_bytes', 'gauge', 'Process heap size in bytes.', kilobytes('VmData')),
    block('process_open_fds', 'gauge', 'Number of open file descriptors.', fs.readdirSync('/proc/self/fd').length),
    block('process_max_fds', 'gauge', 'Maximum number of open file descriptors.', limit ? limit[1] : 0),
  ];
}

function loopBlocks() {
  const seconds = (nanoseconds) => (Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0);
  const gauge = (suffix, text, value) => block(`nodejs_eventloop_lag_${suffix}seconds`, 'gauge', text, value);
  return [
    gauge('', 'Lag of event loop in seconds.', 0),
    gauge('min_', 'The minimum recorded event loop delay.', seconds(delay.min)),
    gauge('max_', 'The maximum recorded event loop delay.', seconds(delay.max)),
    gauge('mean_', 'The mean of the recorded event loop delays.', seconds(delay.mean)),
    gauge('stddev_', 'The standard deviation of the recorded event loop delays.', seconds(delay.stddev)),
    ...[50, 90, 99].map((p) => gauge(`p${p}_`, `The ${p}th percentile of the recorded event loop delays.`, seconds(delay.percentile(p)))),
  ];
}

function counted(names) {
  const counts = new Map();
  names.forEach((name) => counts.set(name, (counts.get(name) || 0) + 1));
  return [[...counts].map(([type, count]) => [{ type }, count]), names.length];
}

function resourceBlocks() {
  const [resources, resourceTotal] = counted(process.getActiveResourcesInfo());
  const [handles, handleTotal] = counted(process._getActiveHandles().map((handle) => handle.constructor.name));
  const [requests, requestTotal] = counted(process._getActiveRequests().map((request) => request.constructor.name));
  return [
    block('nodejs_active_resources', 'gauge', 'Number of active resources that are currently keeping the event loop alive, grouped by async resource type.', resources),
    block('nodejs_active_resources_total', 'gauge', 'Total number of active resources.', resourceTotal),
    block('nodejs_active_handles', 'gauge', 'Number of active libuv handles grouped by handle type. Every handle type is C++ class name.', handles),
    block('nodejs_active_handles_total', 'gauge', 'Total number of active handles.', handleTotal),
    block('nodejs_active_requests', 'gauge', 'Number of active libuv requests grouped by request type. Every request type is C++ class name.', requests),
    block('nodejs_active_requests_total', 'gauge', 'Total number of active requests.', requestTotal),
  ];
}

function memoryBlocks() {
  const memory = process.memoryUsage();
  const spaces = (field) => v8.getHeapSpaceStatistics().map((space) => [{ space: space.space_name.replace(/_space$/, '') }, space[field]]);
  const [major, minor, patch] = process.versions.node.split('.');
  return [
    block('nodejs_heap_size_total_bytes', 'gauge', 'Process heap size from Node.js in bytes.', memory.heapTotal),
    block('nodejs_heap_size_used_bytes', 'gauge', 'Process heap size used from Node.js in bytes.', memory.heapUsed),
    block('nodejs_external_memory_bytes', 'gauge', 'Node.js external memory size in bytes.', memory.external),
    block('nodejs_heap_space_size_total_bytes', 'gauge', 'Process heap space size total from Node.js in bytes.', spaces('space_size')),
    block('nodejs_heap_space_size_used_bytes', 'gauge', 'Process heap space size used from Node.js in bytes.', spaces('space_used_size')),
    block('nodejs_heap_space_size_available_bytes', 'gauge', 'Process heap space size available from Node.js in bytes.', spaces('space_available_size')),
    block('nodejs_version_info', 'gauge', 'Node.js version info.', [[{ version: process.version, major, minor, patch }, 1]]),
    block('nodejs_gc_duration_seconds', 'histogram', 'Garbage collection duration by kind, one of major, minor, incremental or weakcb.', collectionRows()),
  ];
}

function collectionRows() {
  return [...collections].flatMap(([kind, row]) => [
    ...GC_BUCKETS.map((bound, index) => [{ le: bound, kind }, row.buckets[index], '_bucket']),
    [{ le: '+Inf', kind }, row.count, '_bucket'],
    [{ kind }, row.sum, '_sum'],
    [{ kind }, row.count, '_count'],
  ]);
}

// state: {clients, channels, sent} keyed by `websocket` and `eventsource`
function streamingBlocks(pool, subscriptions, state) {
  const types = ['websocket', 'eventsource'];
  const channels = NAMES.flatMap((channel) => types.map((type) => [{ type, channel }, state.channels[type].get(channel) || 0]));
  return [
    block('pg_pool_total_connections', 'gauge', 'The total number of clients existing within the pool', pool.totalCount),
    block('pg_pool_idle_connections', 'gauge', 'The number of clients which are not checked out but are currently idle in the pool', pool.idleCount),
    block('pg_pool_waiting_queries', 'gauge', 'The number of queued requests waiting on a client when all clients are checked out', pool.waitingCount),
    block('connected_clients', 'gauge', 'The number of clients connected to the streaming server', types.map((type) => [{ type }, state.clients[type]])),
    block('connected_channels', 'gauge', 'The number of channels the streaming server is streaming to', channels),
    block('redis_subscriptions', 'gauge', 'The number of Redis channels the streaming server is subscribed to', subscriptions.size),
    block('redis_messages_received_total', 'counter', 'The total number of messages the streaming server has received from redis subscriptions', subscriptions.received),
    block('messages_sent_total', 'counter', 'The total number of messages the streaming server sent to clients per connection type', types.map((type) => [{ type }, state.sent[type]])),
  ];
}

function render(pool, subscriptions, state) {
  return [...processBlocks(), ...loopBlocks(), ...resourceBlocks(), ...memoryBlocks(), ...streamingBlocks(pool, subscriptions, state)].join('\n');
}

module.exports = { render };
