// Stream names as clients give them -> Redis channels.
'use strict';

const NAMES = [
  'system', 'user', 'user:notification', 'list', 'direct', 'public', 'public:media', 'public:local',
  'public:local:media', 'public:remote', 'public:remote:media', 'hashtag', 'hashtag:local',
];

// Returns {name, channels}, or null when there is no such stream.
function resolve(name, account, parameters) {
  const one = (channel) => ({ name, channels: [channel] });
  switch (name) {
    case 'user':
      return { name, channels: [`timeline:${account.accountId}`, `timeline:${account.accountId}:notifications`] };
    case 'user:notification': return one(`timeline:${account.accountId}:notifications`);
    case 'direct': return one(`timeline:direct:${account.accountId}`);
    case 'list': return parameters.list ? one(`timeline:list:${parameters.list}`) : null;
    case 'hashtag': return parameters.tag ? one(`timeline:hashtag:${parameters.tag.toLowerCase()}`) : null;
    case 'hashtag:local': return parameters.tag ? one(`timeline:hashtag:${parameters.tag.toLowerCase()}:local`) : null;
    default:
      return /^public(:local|:remote)?(:media)?$/.test(name) ? one(`timeline:${name}`) : null;
  }
}

// What every connection listens to besides: the end of its token or account.
function system(account) {
  return { name: 'system', channels: [`timeline:access_token:${account.tokenId}`, `timeline:system:${account.accountId}`] };
}

// `/api/v1/streaming/public/local` -> `public:local`
function nameFromPath(path) {
  const name = path.replace(/^\/api\/v1\/streaming\/?/, '').replaceAll('/', ':').replace(/:$/, '');
  return NAMES.includes(name) && name !== 'system' ? name : null;
}

module.exports = { NAMES, resolve, system, nameFromPath };
