/** Where a Redis is and how to speak to it; `url` is not enumerable, so that nothing prints it. */
export interface RedisAddress {
  /** `HOST:PORT/DATABASE`, without user and password: for messages. */
  readonly shown: string;
  readonly url: string;
}

const textLengthMax = 4096;

/**
 * Reads `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS (the schemes registered with IANA). Throws a RangeError that
 * names the part and never the password.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const url = text.length <= textLengthMax ? URL.parse(text.trim()) : null;
  if (url === null || !['redis:', 'rediss:'].includes(url.protocol)) {
    throw wrong('it is not of the form redis://HOST:PORT/DATABASE, or rediss:// for TLS');
  }
  if (url.hostname === '') throw wrong('it names no host: as in redis://127.0.0.1:6379/0');
  if (!/^\/?\d{0,5}$/.test(url.pathname)) {
    throw wrong('its path must be the number of a database, as in redis://127.0.0.1:6379/0');
  }
  if (url.search !== '' || url.hash !== '') throw wrong('nothing may follow the database');
  const isHere = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'redis:' && !isHere && url.password !== '') {
    throw wrong('its password would go over the network in the clear: use rediss://');
  }
  const shown = `${url.hostname}:${url.port || '6379'}/${url.pathname.slice(1) || '0'}`;
  return Object.defineProperty({ shown, url: '' }, 'url', {
    value: url.href,
    enumerable: false,
  });
}

function wrong(what: string): RangeError {
  return new RangeError(`cannot use the URL of Redis: ${what}`);
}
