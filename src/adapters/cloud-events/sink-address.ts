import { sha256Hex } from '../../domain/evidence/digest.ts';

/** Where events go. `url` and `authorization` may hold secrets: they are for the request alone, never for messages. */
export interface SinkAddress {
  /** Without user and password: fetch refuses them there. */
  readonly url: string;
  /** Value of the Authorization header; null: none is sent. */
  readonly authorization: string | null;
  /** Scheme, host and port. The path is left out, since some receivers have their secret in it. */
  readonly shown: string;
  /** Whether a credential goes over a network without TLS. */
  readonly isInClear: boolean;
  /** Which receiver it is, whatever its credentials are; hex. */
  readonly id: string;
}

export class SinkAddressError extends Error {
  override readonly name = 'SinkAddressError';
  readonly code = 'sink';
}

/** Longer than any URL or token that is one. */
const lineLengthMax = 4_096;

/**
 * A URL, and perhaps a line `Authorization: VALUE` after it. Throws a SinkAddressError that does not repeat what it was given.
 *
 * User and password of the URL become `Authorization: Basic` (RFC 7617 section 2).
 */
export function parseSinkAddress(text: string): SinkAddress {
  const [urlText = '', ...more] = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const url = parsedUrl(urlText.trim());
  const given = more.map(readAuthorization);
  if (given.length > 1) throw refused('it has more lines than a URL and its Authorization');
  const fromUrl = basicOf(url);
  if (fromUrl !== null && given.length > 0) {
    throw refused('its URL has a user, and there is an Authorization line, too: give one of them');
  }
  url.username = '';
  url.password = '';
  url.hash = '';
  const authorization = given[0] ?? fromUrl;
  const hasSecret = authorization !== null || url.search !== '';
  return {
    url: url.href,
    authorization,
    isInClear: hasSecret && url.protocol === 'http:' && !isThisMachine(url.hostname),
    shown: url.origin,
    id: sha256Hex(`${url.origin}${url.pathname}`),
  };
}

/** Throws unless it can stand where everybody on the machine can read it: in the list of processes. */
export function requirePlainSinkUrl(text: string): void {
  // By its form and not by its parts: what can't be parsed may hold one, too.
  if (!/[@?]/.test(text)) {
    parseSinkAddress(text);
    return;
  }
  throw new SinkAddressError(
    '--cdevents-sink has a user or a query in it, which everybody on this machine can read in the list of processes: write the ' +
      'URL to a file (chmod 600) and give --cdevents-sink-file FILE; and change what was secret in it',
  );
}

function parsedUrl(text: string): URL {
  if (text.length > lineLengthMax) throw refused(`it is longer than ${lineLengthMax} characters`);
  if (!URL.canParse(text)) throw refused('it is no URL, as https://HOST/PATH');
  const url = new URL(text);
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw refused('it is no http or https URL');
}

function isThisMachine(host: string): boolean {
  return /^(127(\.\d+){3}|\[::1\]|([^.]+\.)*localhost)$/.test(host);
}

function readAuthorization(line: string): string {
  const value = /^authorization:[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)[ \t]*$/i.exec(line);
  if (value?.[1] !== undefined && line.length <= lineLengthMax) return value[1];
  throw refused('its second line is not "Authorization: VALUE"');
}

function basicOf({ username, password }: URL): string | null {
  if (username === '' && password === '') return null;
  const pair = `${decoded(username)}:${decoded(password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused('its user or password has a % that stands for nothing; write it as %25');
  }
}

function refused(why: string): SinkAddressError {
  return new SinkAddressError(`cannot use the sink of CDEvents: ${why}`);
}
