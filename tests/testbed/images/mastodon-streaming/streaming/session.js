// One connected client, by WebSocket or event source: which channels it listens to, what it is sent.
'use strict';

const channels = require('./channels');

class Session {
  constructor({ type, account, subscriptions, state, send }) {
    Object.assign(this, { type, account, subscriptions, state, send });
    this.open = new Map(); // key -> {name, channels, listener}
    state.clients[type] += 1;
    this.#start('system', channels.system(account), () => {});
  }

  // False when there is no such stream.
  subscribe(name, parameters = {}) {
    const stream = channels.resolve(name, this.account, parameters);
    if (!stream) return false;
    const key = [name, parameters.tag || parameters.list].filter(Boolean).join(' ');
    if (!this.open.has(key)) this.#start(key, stream, (message) => this.#forward([name, parameters.tag || parameters.list].filter(Boolean), message));
    return true;
  }

  unsubscribe(name, parameters = {}) {
    const key = [name, parameters.tag || parameters.list].filter(Boolean).join(' ');
    const entry = this.open.get(key);
    if (entry) this.#stop(key, entry);
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    for (const [key, entry] of this.open) this.#stop(key, entry);
    this.state.clients[this.type] -= 1;
  }

  #start(key, stream, listener) {
    this.open.set(key, { ...stream, listener });
    stream.channels.forEach((channel) => this.subscriptions.add(channel, listener));
    this.#count(stream.name, 1);
  }

  #stop(key, entry) {
    this.open.delete(key);
    entry.channels.forEach((channel) => this.subscriptions.remove(channel, entry.listener));
    this.#count(entry.name, -1);
  }

  #count(name, by) {
    const counts = this.state.channels[this.type];
    counts.set(name, (counts.get(name) || 0) + by);
  }

  #forward(stream, message) {
    const { event, payload } = JSON.parse(message);
    this.state.sent[this.type] += 1;
    this.send(stream, event, typeof payload === 'string' ? payload : JSON.stringify(payload));
  }
}

module.exports = { Session };
