// Reads .env.production of the working directory; the real environment wins, as with dotenv.
'use strict';

const fs = require('node:fs');

const LINE = /^\s*(?:export\s+)?([\w.]+)\s*=\s*(.*?)\s*$/;

function unquote(value) {
  const quoted = /^(['"])(.*)\1$/s.exec(value);
  if (quoted) return quoted[1] === '"' ? quoted[2].replace(/\\n/g, '\n') : quoted[2];
  return value.replace(/\s+#.*$/, '');
}

function load(file = `.env.${process.env.NODE_ENV || 'development'}`) {
  let text;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  for (const line of text.split('\n')) {
    const match = LINE.exec(line);
    if (match && !(match[1] in process.env)) process.env[match[1]] = unquote(match[2]);
  }
}

module.exports = { load };
