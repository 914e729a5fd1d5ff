// The pool of PostgreSQL connections. Nothing connects before the first token is looked up, which
// is why streaming starts, and says it is healthy, without a database.
'use strict';

const { Pool } = require('pg');

const TOKEN_QUERY = `
  SELECT t.id, t.scopes, t.resource_owner_id, u.account_id
  FROM oauth_access_tokens t
  JOIN users u ON u.id = t.resource_owner_id
  WHERE t.token = $1 AND t.revoked_at IS NULL AND u.disabled = false
  LIMIT 1`;

function ssl(mode) {
  if (mode === 'require' || mode === 'verify-full') return true;
  return mode === 'no-verify' ? { rejectUnauthorized: false } : false;
}

function settings(env) {
  const common = { max: Number(env.DB_POOL || 10), connectionTimeoutMillis: 15000, ssl: ssl(env.DB_SSLMODE) };
  if (env.DATABASE_URL) return { ...common, connectionString: env.DATABASE_URL };
  return {
    ...common,
    host: env.DB_HOST || 'localhost',
    port: Number(env.DB_PORT || 5432),
    database: env.DB_NAME || 'mastodon_production',
    user: env.DB_USER || 'mastodon',
    password: env.DB_PASS || undefined,
  };
}

function connect(env, onLost) {
  const pool = new Pool(settings(env));
  // Measured: the real process ends with code 0 when PostgreSQL drops a pooled connection.
  pool.on('error', onLost);
  return pool;
}

async function accountOfToken(pool, token) {
  const { rows } = await pool.query(TOKEN_QUERY, [token]);
  if (rows.length === 0) return null;
  const [row] = rows;
  return { tokenId: row.id, userId: row.resource_owner_id, accountId: row.account_id, scopes: (row.scopes || '').split(' ') };
}

module.exports = { connect, accountOfToken };
