// One Redis connection that listens, one that keeps the `subscribed:` keys alive. Rails publishes
// to a feed only while that key exists.
'use strict';

const redis = require('redis');

const SUBSCRIBED_SECONDS = 18 * 60;
const HEARTBEAT_MS = 6 * 60 * 1000;

function url(env) {
  if (env.REDIS_URL) return env.REDIS_URL;
  const user = encodeURIComponent(env.REDIS_USER || '');
  const login = env.REDIS_PASSWORD ? `${user}:${encodeURIComponent(env.REDIS_PASSWORD)}@` : '';
  return `redis://${login}${env.REDIS_HOST || 'localhost'}:${env.REDIS_PORT || 6379}/${env.REDIS_DB || 0}`;
}

class Subscriptions {
  constructor(env, log) {
    const reconnectStrategy = (tries) => Math.min(tries * 100, 2000);
    this.client = redis.createClient({ url: url(env), socket: { reconnectStrategy } });
    this.listener = this.client.duplicate();
    this.received = 0;
    this.listeners = new Map(); // channel -> Set of functions
    for (const client of [this.client, this.listener]) {
      client.on('error', (error) => log('redis', error.message));
      client.connect().catch((error) => log('redis', error.message));
    }
    setInterval(() => this.#keepAlive([...this.listeners.keys()]), HEARTBEAT_MS).unref();
  }

  get size() {
    return this.listeners.size;
  }

  add(channel, listener) {
    const known = this.listeners.get(channel);
    if (known) return known.add(listener);
    this.listeners.set(channel, new Set([listener]));
    this.#keepAlive([channel]);
    this.listener.subscribe(channel, (message) => this.#deliver(channel, message)).catch(() => {});
  }

  remove(channel, listener) {
    const known = this.listeners.get(channel);
    if (!known || !known.delete(listener) || known.size > 0) return;
    this.listeners.delete(channel);
    this.listener.unsubscribe(channel).catch(() => {});
  }

  #keepAlive(channels) {
    for (const channel of channels) {
      this.client.set(`subscribed:${channel}`, '1', { EX: SUBSCRIBED_SECONDS }).catch(() => {});
    }
  }

  #deliver(channel, message) {
    this.received += 1;
    for (const listener of this.listeners.get(channel) || []) listener(message);
  }
}

module.exports = { Subscriptions };
