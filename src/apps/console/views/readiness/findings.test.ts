import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimelineMark } from '../../../../api/timeline-wire.ts';
import type { ServerStatus, ServiceView } from '../../../../api/wire.ts';
import { findingsOf } from './findings.ts';

function service(objectives: readonly string[], ready: number): ServiceView {
  const instances = Array.from({ length: ready }, () => ({ state: 'ready' }));
  const spec = { objectives, strategy: 'canary', stepWeightsPercent: [10, 100] };
  const status = { instances, sentence: 'stable', rollout: null };
  return { metadata: { name: 'web' }, spec, status } as unknown as ServiceView;
}

const server = {
  ledger: { trouble: null, witnessMode: 'require', entries: 9 },
} as unknown as ServerStatus;
const mark = {
  kind: 'load-test',
  until: '2026-11-22T03:00:00Z',
  sentence: '800/s held',
} as TimelineMark;

function states(...of: Parameters<typeof findingsOf>): Record<string, string> {
  return Object.fromEntries(findingsOf(...of).map(({ what, state }) => [what, state]));
}

test('what is there is known, what lacks is told, and what nobody measured is neither', () => {
  const good = states(service(['availability: success 99%'], 2), server, [mark]);
  assert.deepEqual(
    [good['Objectives'], good['Instances'], good['Load test']],
    ['known', 'known', 'known'],
  );
  assert.deepEqual([good['Ledger'], good['Fault on purpose']], ['known', 'not-measured']);
  const bad = states(service([], 1), null, []);
  assert.deepEqual([bad['Objectives'], bad['Instances']], ['lacking', 'lacking']);
  assert.deepEqual([bad['Load test'], bad['Ledger']], ['not-measured', 'not-measured']);
  assert.equal(bad['Backup and its restore'], 'not-measured');
});

test('a load test has its age', () => {
  const found = findingsOf(service([], 1), server, [mark]).find(({ what }) => what === 'Load test');
  assert.equal(found?.at, mark.until);
  assert.equal(found?.found, '800/s held');
});
