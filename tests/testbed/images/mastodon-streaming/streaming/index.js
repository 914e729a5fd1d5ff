// A stand-in for Mastodon's streaming server, for tests only; see tests/testbed/README.md.
// It answers, publishes, counts and dies as the real one was measured to.
'use strict';

require('./environment').load();

const http = require('node:http');
const { randomUUID } = require('node:crypto');
const { WebSocketServer } = require('ws');
const channels = require('./channels');
const database = require('./database');
const metrics = require('./metrics');
const { Session } = require('./session');
const { Subscriptions } = require('./redis');

const PING_MS = 30_000;
const state = {
  clients: { websocket: 0, eventsource: 0 },
  channels: { websocket: new Map(), eventsource: new Map() },
  sent: { websocket: 0, eventsource: 0 },
};

const log = (...parts) => console.log(JSON.stringify({ time: new Date().toISOString(), msg: parts.join(' ') }));
const pool = database.connect(process.env, (error) => {
  log('lost a database connection:', error.message);
  process.exit(0);
});
const subscriptions = new Subscriptions(process.env, log);
const sockets = new WebSocketServer({ noServer: true });
const server = http.createServer(answer);

function refusal(status, message) {
  return Object.assign(new Error(message), { status });
}

function tokenOf(request, url) {
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization || '');
  return (bearer && bearer[1]) || url.searchParams.get('access_token') || request.headers['sec-websocket-protocol'];
}

async function authenticate(request, url) {
  const token = tokenOf(request, url);
  if (!token) throw refusal(401, 'Missing access token');
  let account;
  try {
    account = await database.accountOfToken(pool, token);
  } catch (error) {
    log('token lookup failed:', error.message);
    throw refusal(500, 'An unexpected error occurred');
  }
  if (!account) throw refusal(401, 'Invalid access token');
  return account;
}

// ---- plain HTTP: health, metrics, event sources

function reply(response, status, type, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': type, ...headers });
  response.write(body);
  response.end();
}

function answer(request, response) {
  const url = new URL(request.url, 'http://streaming');
  response.setHeader('X-Powered-By', 'Express');
  response.setHeader('X-Request-Id', request.headers['x-request-id'] || randomUUID());
  response.setHeader('Access-Control-Allow-Origin', '*');
  // Neither PostgreSQL nor Redis is asked: it says OK while both are away.
  if (url.pathname === '/api/v1/streaming/health') return reply(response, 200, 'text/plain', 'OK', { 'Cache-Control': 'private, no-store' });
  if (url.pathname === '/metrics') {
    return reply(response, 200, 'text/plain; version=0.0.4; charset=utf-8', metrics.render(pool, subscriptions, state));
  }
  eventSource(request, response, url).catch((error) => {
    reply(response, error.status || 500, 'application/json', JSON.stringify({ error: error.message }));
  });
}

async function eventSource(request, response, url) {
  const name = channels.nameFromPath(url.pathname);
  if (!name) throw refusal(404, 'Not found');
  const account = await authenticate(request, url);
  const send = (_stream, event, payload) => response.write(`event: ${event}\ndata: ${payload}\n\n`);
  const session = new Session({ type: 'eventsource', account, subscriptions, state, send });
  response.on('close', () => session.close());
  if (!session.subscribe(name, Object.fromEntries(url.searchParams))) {
    session.close();
    throw refusal(400, 'Missing parameter');
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'private, no-store' });
  response.write(':)\n');
  const heartbeat = setInterval(() => response.write(':thump\n'), 15_000);
  response.on('close', () => clearInterval(heartbeat));
}

// ---- WebSocket

server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  const url = new URL(request.url, 'http://streaming');
  authenticate(request, url).then((account) => {
    sockets.handleUpgrade(request, socket, head, (ws) => serve(ws, account, url));
  }).catch((error) => refuseUpgrade(request, socket, error));
});

function refuseUpgrade(request, socket, error) {
  const status = error.status || 500;
  socket.end([
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: text/plain',
    'Content-Length: 0',
    `X-Request-Id: ${request.headers['x-request-id'] || randomUUID()}`,
    `X-Error-Message: ${error.message}`,
    '', '',
  ].join('\r\n'));
}

function serve(ws, account, url) {
  const send = (stream, event, payload) => ws.send(JSON.stringify({ stream, event, payload }));
  const session = new Session({ type: 'websocket', account, subscriptions, state, send });
  ws.alive = true;
  ws.on('pong', () => { ws.alive = true; });
  ws.on('close', () => session.close());
  ws.on('error', () => session.close());
  ws.on('message', (data) => command(ws, session, data));
  const stream = url.searchParams.get('stream');
  if (stream) session.subscribe(stream, Object.fromEntries(url.searchParams));
}

function command(ws, session, data) {
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return;
  }
  if (message.type === 'unsubscribe') return session.unsubscribe(message.stream, message);
  if (message.type === 'subscribe' && !session.subscribe(message.stream, message)) {
    ws.send(JSON.stringify({ error: 'Unknown channel requested', status: 400 }));
  }
}

setInterval(() => {
  for (const ws of sockets.clients) {
    if (!ws.alive) ws.terminate();
    ws.alive = false;
    ws.ping();
  }
}, PING_MS).unref();

// ---- life and death: TERM ends it at once, every socket is cut, the code is 0

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));

const onListening = () => log(`streaming API now listening on ${process.env.SOCKET || JSON.stringify(server.address())}`);
if (process.env.SOCKET) server.listen(process.env.SOCKET, onListening);
else server.listen(Number(process.env.PORT || 4000), process.env.BIND || '0.0.0.0', onListening);
