import { type BenchReport, cell, rounded } from '../form.ts';
import type { TlsReport } from './tls.ts';

export function tlsReport(read: TlsReport): BenchReport {
  const { keptAlive, tenthNew, mutual, rounds, handshake } = read;
  const rows = [keptAlive, tenthNew, mutual].map(
    ({ name, ownUs, peerUs, ratio, requests, failures }) => [
      name,
      cell(ownUs, 1),
      cell(peerUs, 1),
      cell(ratio, 2),
      String(requests),
      String(failures),
    ],
  );
  return {
    tables: [
      {
        heads: [
          'CPU OF A REQUEST OVER TLS IN US',
          'TIDEGATE',
          'HAPROXY',
          'RATIO',
          'ASKED',
          'FAILED',
        ],
        rows,
      },
    ],
    notes: [
      `TLS: one certificate (ECDSA on P-256) at both, HTTP/1.1, ${handshake}; ratios are of the same round, the middle one of ${rounds}.`,
      'One process or thread each, on a core of its own; full handshakes, no session is resumed. Mutual TLS is on connections that are kept.',
    ],
    result: {
      tlsCpuOverHaproxyTls: rounded(keptAlive.ratio, 2),
      newTlsCpuOverHaproxyTls: rounded(tenthNew.ratio, 2),
      mtlsCpuOverHaproxyMtls: rounded(mutual.ratio, 2),
    },
  };
}
