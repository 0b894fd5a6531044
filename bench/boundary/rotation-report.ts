import type { BenchReport } from '../form.ts';
import type { RotationReading } from './rotation.ts';

export function rotationReport({ seconds, caller, instance }: RotationReading): BenchReport {
  const { requests, failed, firstFailure, answered, offeredMs, answeredMs } = caller;
  const answeredPerSecond = Math.round((1000 * answered) / answeredMs);
  const counts = [requests, failed, Math.round((1000 * requests) / offeredMs), answeredPerSecond];
  return {
    tables: [
      {
        heads: [
          'CERTIFICATES RENEWED EACH SECOND',
          'REQUESTS',
          'FAILED',
          'OFFERED/S',
          'ANSWERED/S',
        ],
        rows: [['strict, mutual TLS on both sides', ...counts.map(String)]],
      },
      {
        heads: [`IN ${seconds} S`, 'CERTIFICATES'],
        rows: [
          ["the caller's own", String(caller.certificates)],
          ['shown to it by the gateway', String(caller.shownByGateway)],
          ['shown to the instance by the gateway', String(instance.shownByGateway)],
          ["the instance's own", String(instance.certificates)],
        ],
      },
    ],
    notes: [
      'Caller, gateway and instance are processes of their own; connections are kept, to the instance for 50 requests each.',
      ...(firstFailure === null ? [] : [`The first failure: ${firstFailure}`]),
    ],
    result: {
      failedDuringCertRotation: failed,
      answeredPerSecondDuringCertRotation: answeredPerSecond,
    },
  };
}
