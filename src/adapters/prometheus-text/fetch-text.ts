import { type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { PeerCertificate } from 'node:tls';
import { soleUriOf } from '../../domain/identity/sole-uri.ts';
import { type Endpoint, https } from '../../domain/traffic/routing/route-table.ts';
import { InstanceMetricsError } from '../../ports/instance-metrics.ts';
import type { Credentials } from '../../ports/workload-identities.ts';

export interface FetchBounds {
  /** From the call to the answer's last byte. */
  readonly timeoutMs: number;
  readonly sizeBytesMax: number;
}

export interface FetchOptions extends FetchBounds {
  /** For an instance that speaks https, which then has to show its endpoint's identity; null: there are none. */
  readonly credentials: Credentials | null;
}

/**
 * One GET on a connection of its own, so that nothing of it keeps an instance from stopping. Anything but a whole 200 of plain text
 * is an error, and so are redirects: an instance answers for itself.
 */
export async function fetchText(
  endpoint: Endpoint,
  path: string,
  { credentials, ...bounds }: FetchOptions,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (code: InstanceMetricsError['code'], what: string, cause?: unknown): void => {
    reject(new InstanceMetricsError(code, `GET ${path} ${what}`, cause));
    outgoing.destroy();
  };
  const { host, port, appProtocol } = endpoint;
  const headers = { accept, 'accept-encoding': 'identity' };
  const tls = appProtocol === https ? tlsOf(endpoint, credentials) : {};
  const options = { host, port, path, agent: false, signal, headers, ...tls };
  const ask = appProtocol === https ? requestTls : request;
  const outgoing = ask(options, (response) => {
    const refusal = refusalOf(response);
    if (refusal !== null) return fail('refused', refusal);
    collect(response, bounds.sizeBytesMax).then(resolve, (error: unknown) => {
      if (error instanceof InstanceMetricsError) return fail(error.code, error.message);
      fail('unreachable', `was cut off: ${messageOf(error)}`, error);
    });
  });
  const deadline = setTimeout(
    () => fail('late', `gave no whole answer within ${bounds.timeoutMs} ms`),
    bounds.timeoutMs,
  );
  outgoing.on('error', (error) => fail('unreachable', `failed: ${messageOf(error)}`, error));
  outgoing.end();
  try {
    return await promise;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}

/** Mutual TLS with nobody but an instance of the endpoint's identity, whatever address it is reached by. */
function tlsOf({ identity: wanted = '' }: Endpoint, credentials: Credentials | null) {
  if (credentials === null) {
    throw new InstanceMetricsError('unreachable', 'needs a certificate, and there is none');
  }
  const { certificatePem: cert, keyPem: key, bundlePem: ca } = credentials;
  const checkServerIdentity = (_name: string, shown: PeerCertificate): Error | undefined => {
    const isWanted = soleUriOf(shown.subjectaltname ?? '') === wanted;
    return isWanted ? undefined : new Error(`its certificate is not of ${wanted}`);
  };
  return { cert, key, ca, checkServerIdentity };
}

const accept = 'text/plain;version=0.0.4;q=1,text/plain;q=0.5';

function refusalOf({ statusCode, headers }: IncomingMessage): string | null {
  if (statusCode !== 200) return `answered ${statusCode ?? 'nothing'}`;
  const coding = headers['content-encoding'] ?? 'identity';
  if (coding !== 'identity') return `answered in ${coding}, which was not asked for`;
  const type = headers['content-type'] ?? 'text/plain';
  return /^text\/plain\b/i.test(type) ? null : `answered ${type}, not text/plain`;
}

/** The bytes as UTF-8. A body that is too long is not read further. */
async function collect(response: IncomingMessage, sizeBytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > sizeBytesMax) {
      throw new InstanceMetricsError('too-large', `answered more than ${sizeBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    throw new InstanceMetricsError('malformed', 'answered what is no UTF-8', error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
