import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Restart } from '../../../api/client/generated/schemas.ts';
import { plainLook } from '../look.ts';
import { stableService } from '../wire-samples.fixture.ts';
import { serviceDescription } from './service-description.ts';
import { serviceTree } from './status-tree.ts';

function linesOf(phase: Restart['phase']): readonly string[][] {
  const service = stableService('web');
  const restart: Restart = {
    id: 'web-7',
    revisionId: service.status.stable?.id ?? '',
    phase,
    sentence: '1 of 3 instances restarted after 4 s; stopping web-1111111111-2',
    doneCount: 1,
    totalCount: 3,
    by: { who: 'ana', why: null },
    startedAt: '2026-01-01T00:00:00Z',
    endedAt: null,
  };
  const seen = { ...service, status: { ...service.status, restart } };
  return [serviceTree(seen, plainLook), serviceDescription(seen, plainLook)];
}

const line = /^\| restart: 1 of 3 instances restarted after 4 s; stopping web-1111111111-2$/;

test('a restart under way is in status and in describe: how many of how many, and which one goes', () => {
  for (const lines of linesOf('running'))
    assert.ok(
      lines.some((each) => line.test(each)),
      lines.join('\n'),
    );
});

test('one that is over is not', () => {
  for (const phase of ['done', 'given-up'] as const) {
    for (const lines of linesOf(phase)) assert.ok(!lines.some((each) => each.includes('restart')));
  }
});
