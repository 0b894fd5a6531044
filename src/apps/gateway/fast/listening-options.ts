import type { Address } from '../data-plane.ts';
import type { Certificates } from '../tls/certificates.ts';

/** What callers may speak besides HTTP/1.1. */
export interface ListeningOptions {
  /** On the plain address a connection may begin with HTTP/2 ("prior knowledge", RFC 9113 section 3.3). */
  readonly isH2cTaken: boolean;
  /** Null: no TLS. */
  readonly tls: TlsListening | null;
}

export interface TlsListening {
  readonly address: Pick<Address, 'host' | 'port'>;
  readonly certificates: Certificates;
  readonly onListening: (address: Pick<Address, 'host' | 'port'>) => void;
}

export const plainListening: ListeningOptions = { isH2cTaken: false, tls: null };
