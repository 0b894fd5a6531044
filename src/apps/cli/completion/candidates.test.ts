import assert from 'node:assert/strict';
import { test } from 'node:test';

import { buildProgram } from '../program.ts';
import { placeOf } from './candidates.ts';

const program = buildProgram({ version: '0.0.0', perform: async () => {} });

/** Words up to the cursor; what may stand there. */
const rows: readonly [string, string | readonly string[]][] = [
  ['', ['apply', 'get', 'replay', 'rollout', 'status', 'verify']],
  ['rollout ', ['abort', 'history', 'promote', 'status', 'undo']],
  ['get ', ['services', 'rollouts', 'instances', 'events']],
  ['get services ', 'service'],
  ['get services web ', []],
  ['get services -o ', ['json', 'yaml', 'wide', 'name']],
  ['describe ', 'service'],
  ['rollout promote ', 'service'],
  ['rollout promote --reason x ', 'service'],
  ['--state /tmp describe ', 'service'],
  ['rollout promote web --', ['--full', '--reason', '--state', '--help']],
  ['logs -f ', 'service'],
  ['load --service ', 'service'],
  ['apply -f ', 'file'],
  ['apply --file ', 'file'],
  ['--state ', 'file'],
  ['estimate ', 'service'],
  ['backtest --policy ', 'file'],
  ['backtest --service ', 'service'],
  ['replay --ledger ', 'file'],
  ['verify ', 'file'],
  ['verify --key ', []],
  ['completion ', ['bash', 'zsh', 'fish']],
  ['nonsense ', ['apply']],
];

test('what may stand at the cursor follows from the words before it', () => {
  for (const [line, want] of rows) {
    const place = placeOf(program, line.split(' '));
    if (typeof want === 'string') {
      assert.equal(place.kind, want, line);
      continue;
    }
    assert.ok(place.kind === 'words', line);
    const values = place.candidates.map(({ value }) => value);
    for (const value of want) assert.ok(values.includes(value), `${line}: ${values.join(' ')}`);
    if (want.length === 0) assert.deepEqual(values, [], line);
    assert.ok(!values.includes('__complete'), line);
  }
});
