import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instance } from '../../../api/client/generated/schemas.ts';
import { stableService } from '../wire-samples.fixture.ts';
import { limitFacts } from './limit-facts.ts';

function facts(...all: readonly (Instance['limits'] | null)[]): string[][] {
  const service = stableService('web');
  const [first] = service.status.instances;
  assert.ok(first !== undefined);
  const instances = all.map((limits) => (limits === null ? first : { ...first, limits }));
  return limitFacts({ ...service, status: { ...service.status, instances } });
}

const memory = { bytes: 64 * 2 ** 20, enforcedBy: 'watching' } as const;

test('limits are said once for all that are held in one way, with what the kernel was not given', () => {
  const trouble = 'memory and cpu: no cgroup v2 is mounted here';
  const held = { memory, cpu: { cores: 0.5, enforcedBy: 'nobody' }, trouble } as const;
  assert.deepEqual(facts(held, held), [
    [
      'Limits stable:',
      'memory 64Mi enforced by watching; CPU 500m not enforced; not given to the kernel: memory and cpu: no cgroup v2 is mounted here',
    ],
  ]);
});

test('instances that are held in two ways have a line each, and those without limits none', () => {
  const byKernel = { memory: { ...memory, enforcedBy: 'cgroup' }, trouble: null } as const;
  assert.deepEqual(
    facts(byKernel, { memory, trouble: 'memory: an earlier one' }, null).map(([, text]) => text),
    [
      'memory 64Mi enforced by cgroup',
      'memory 64Mi enforced by watching; not given to the kernel: memory: an earlier one',
    ],
  );
  assert.deepEqual(facts(null), []);
});
