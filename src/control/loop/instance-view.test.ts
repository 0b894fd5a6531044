import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instance } from '../../ports/platform.ts';
import { instancesByService } from './instance-view.ts';

function instance(id: string, change: Partial<Instance> = {}): Instance {
  const place = { service: 'shop', revisionId: 'r1', endpoint: null, pid: 1, startedAtMs: 0 };
  const told = { restarts: 0, reason: null, cpuSeconds: 0, rssBytes: 0 };
  return { id, state: 'ready', ...place, ...told, ...change };
}

test('an instance that the router has ejected does not count as ready, and that is why', () => {
  const seen = (instances: readonly Instance[]) => instancesByService(instances).get('shop')?.[0];
  const well = seen([instance('a'), instance('b')]);
  assert.deepEqual([well?.ready, well?.total, well?.reason], [2, 2, null]);
  const ejected = seen([instance('a'), instance('b', { isEjected: true })]);
  assert.deepEqual([ejected?.ready, ejected?.total], [1, 2]);
  assert.match(ejected?.reason ?? '', /ejected b/);
});
