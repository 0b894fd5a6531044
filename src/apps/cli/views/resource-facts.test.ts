import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../../api/client/generated/schemas.ts';
import { stableService } from '../wire-samples.fixture.ts';
import { resourceFacts } from './resource-facts.ts';

const mebibyte = 2 ** 20;

function withResources(
  requests: { readonly cpuCores: number | null; readonly memoryBytes: number | null },
  savingRatio: { readonly cpu: number | null; readonly memory: number | null },
): Service {
  const service = stableService('web');
  const amount = (cpuCores: number, mebibytes: number) => {
    return { cpuCores, memoryBytes: mebibytes * mebibyte };
  };
  const revisionId = service.status.stable?.id ?? '';
  const recommended = { target: amount(0.1, 160), lower: amount(0.1, 128), upper: amount(2, 2048) };
  const used = amount(0.035, 61);
  const view = { revisionId, requests, used, recommended, savingRatio, samples: 3 };
  return { ...service, status: { ...service.status, resources: [view] } };
}

test('what is asked for stands beside what is used and what would do', () => {
  const service = withResources(
    { cpuCores: 0.5, memoryBytes: 128 * mebibyte },
    { cpu: 0.8, memory: -0.25 },
  );
  assert.deepEqual(resourceFacts(service), [
    [
      'Resources stable:',
      'CPU 500m asked for, 35m used, 100m recommended (100m to 2000m), 80 % less; memory 128Mi asked for, 61Mi used, 160Mi recommended (128Mi to 2048Mi), 25 % more (not applied)',
    ],
  ]);
});

test('where nothing is asked for there is nothing to save, and before a sample nothing to say', () => {
  const service = withResources({ cpuCores: null, memoryBytes: null }, { cpu: null, memory: null });
  assert.match(resourceFacts(service)[0]?.[1] ?? '', /^CPU nothing asked for, 35m used, 100m rec/);
  assert.deepEqual(resourceFacts(stableService('web')), []);
});
