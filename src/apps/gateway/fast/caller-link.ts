import { FixedValue } from '../http1/fixed-lines.ts';
import type { CallerPeer } from '../identity/caller-peer.ts';
import type { Refusal } from '../refusal.ts';
import type { Given } from './caching.ts';

/** How a caller has reached the gateway: the same for all requests of its connection. */
export interface CallerLink {
  /** What instances are told in X-Forwarded-Proto. */
  readonly scheme: FixedValue;
  /** Null: the connection has no certificate, so every host may be asked for on it. */
  readonly certificate: ServedCertificate | null;
  /** Null: the connection is without TLS, or its caller was not asked who it is. */
  readonly peer: CallerPeer | null;
  /** Answers in place of an instance; null: as HTTP/1.1 on the connection itself. */
  readonly refuse: ((refusal: Refusal) => void) | null;
  /** Where its one request goes, of a connection that is no caller's; absent: routes say it. */
  readonly given?: Given;
}

/** The certificate that the caller was shown. */
export interface ServedCertificate {
  /** Whether it speaks for this host; `authority` is of a request, port included. */
  readonly covers: (authority: string) => boolean;
}

export const http = FixedValue.of('http');
export const https = FixedValue.of('https');

export const plainLink: CallerLink = {
  scheme: http,
  certificate: null,
  peer: null,
  refuse: null,
};
