import { basename } from 'node:path';
import type { Address } from '../data-plane.ts';
import type { ListeningOptions } from '../fast/listening-options.ts';
import { Certificates } from './certificates.ts';
import type { PairFiles } from './certificate-pair.ts';

/** The flags for `parseArgs`. */
export const tlsFlags = {
  h2c: { type: 'boolean' },
  'tls-listen': { type: 'string' },
  'tls-folder': { type: 'string' },
  'tls-cert': { type: 'string', multiple: true },
  'tls-key': { type: 'string', multiple: true },
  'tls-default': { type: 'string' },
  'tls-identity': { type: 'boolean' },
} as const;

export interface TlsValues {
  readonly h2c?: boolean | undefined;
  readonly 'tls-listen'?: string | undefined;
  readonly 'tls-folder'?: string | undefined;
  readonly 'tls-cert'?: string[] | undefined;
  readonly 'tls-key'?: string[] | undefined;
  readonly 'tls-default'?: string | undefined;
  readonly 'tls-identity'?: boolean | undefined;
}

export interface TlsOptions {
  readonly isH2cTaken: boolean;
  /** Null: no TLS. */
  readonly tls: {
    readonly address: Pick<Address, 'host' | 'port'>;
    readonly folder: string | null;
    readonly pairs: readonly PairFiles[];
    readonly defaultName: string | null;
    /** The gateway's own certificate is enough to begin with, and it may come later. */
    readonly isIdentityEnough: boolean;
  } | null;
}

/** Why the flags, or what they name, are no use. */
export class TlsError extends Error {
  override readonly name = 'TlsError';
}

/** Throws TlsError. */
export function tlsOptionsOf(values: TlsValues): TlsOptions {
  const isH2cTaken = values.h2c ?? false;
  const folder = values['tls-folder'] ?? null;
  const pairs = pairsOf(values['tls-cert'] ?? [], values['tls-key'] ?? []);
  const hasPairs = folder !== null || pairs.length > 0;
  const listen = values['tls-listen'];
  if (listen === undefined) {
    if (hasPairs || values['tls-identity'] === true) {
      throw new TlsError('certificates need --tls-listen HOST:PORT to be served on');
    }
    return { isH2cTaken, tls: null };
  }
  const isIdentityEnough = values['tls-identity'] ?? false;
  if (!hasPairs && !isIdentityEnough) {
    throw new TlsError(
      '--tls-listen needs --tls-folder DIR, --tls-cert FILE with --tls-key FILE, or --tls-identity',
    );
  }
  const defaultName = values['tls-default'] ?? null;
  const served = { folder, pairs, defaultName, isIdentityEnough };
  return { isH2cTaken, tls: { address: addressOf(listen), ...served } };
}

/**
 * Reads the certificates. A pair that was named by a flag must be good; of a folder, one must be, since a gateway that
 * starts again must not stay away because of one host's certificate. Throws TlsError.
 */
export async function listeningOf(
  { isH2cTaken, tls }: TlsOptions,
  log: (message: string) => void,
): Promise<ListeningOptions> {
  if (tls === null) return { isH2cTaken, tls: null };
  const certificates = new Certificates({ ...tls, log });
  await certificates.reload();
  const missing = [...tls.pairs.map(({ name }) => name), tls.defaultName].find(
    (name) => name !== null && !certificates.has(name),
  );
  if (missing !== undefined || (certificates.count === 0 && !tls.isIdentityEnough)) {
    certificates[Symbol.dispose]();
    const what = typeof missing === 'string' ? `the certificate '${missing}'` : 'any certificate';
    throw new TlsError(`cannot serve ${what}: the lines above say why`);
  }
  const onListening = ({ host, port }: Pick<Address, 'host' | 'port'>): void =>
    log(`serving TLS on ${host}:${port} with ${certificates.count} certificates`);
  return { isH2cTaken, tls: { address: tls.address, certificates, onListening } };
}

/** The first key is of the first certificate, and so on. */
function pairsOf(certificates: readonly string[], keys: readonly string[]): readonly PairFiles[] {
  if (certificates.length !== keys.length) {
    const counts = `${certificates.length} --tls-cert and ${keys.length} --tls-key`;
    throw new TlsError(`each --tls-cert needs a --tls-key of its own, but there are ${counts}`);
  }
  return certificates.map((certificate, index) => {
    const name = basename(certificate).replace(/\.[^.]+$/, '');
    return { name, certificate, key: keys[index] ?? '' };
  });
}

function addressOf(text: string): Pick<Address, 'host' | 'port'> {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  if (host !== undefined && port <= 65_535) return { host, port };
  throw new TlsError(`--tls-listen ${text}: must be HOST:PORT, as 127.0.0.1:7443`);
}
