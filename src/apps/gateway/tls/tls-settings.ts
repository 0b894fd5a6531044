import { constants } from 'node:crypto';

/**
 * Versions, ciphers and groups by Mozilla's recommendation "intermediate" (version 5.7, of 2023), without its two DHE
 * suites: they want parameters of their own, and no client has asked for them in years that did not know ECDHE too. The
 * hybrid with ML-KEM (FIPS 203) comes first, so that what is recorded today is not read when there are quantum computers.
 */
export const contextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  ecdhCurve: 'X25519MLKEM768:X25519:prime256v1:secp384r1',
  // Callers know best which cipher is cheap for them; all of these are good.
  honorCipherOrder: false,
  // RFC 9113 section 9.2.1 forbids renegotiation, and nobody needs it with HTTP/1.1.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
} as const;

export const alpnProtocols = ['h2', 'http/1.1'] as const;

export interface HandshakeLimits {
  /** Of a handshake, from the connection's first octet to its last. */
  readonly handshakeMs: number;
  /**
   * Handshakes at one time: each holds about 100 KB and wants a signature, so those beyond are cut at once rather than kept
   * until they time out.
   */
  readonly handshakesMax: number;
}

export const usualHandshakeLimits: HandshakeLimits = { handshakeMs: 10_000, handshakesMax: 1024 };
