import assert from 'node:assert/strict';
import { test } from 'node:test';

import { leafBytes, unsignedLeaf } from '../../../domain/evidence/leaf.ts';
import type { Statement } from '../../../domain/evidence/statement.ts';
import { exportHeaderLine } from '../../../domain/evidence/export-format.ts';
import { readLedgerRecords } from './ledger-records.ts';
import { records } from './report.fixture.ts';

function lineOf(data: Statement['data'], type: Statement['type'], index: number): string {
  const statement: Statement = {
    type,
    subjects: [{ name: 'checkout', sha256: '0'.repeat(64) }],
    stream: 'services/checkout',
    streamVersion: index + 1,
    previous: index === 0 ? null : { index: index - 1, leafHash: '0'.repeat(64) },
    observedAtMs: 1,
    collector: { name: 'tidegate', version: '0.0.0' },
    idempotencyKey: `key/${index}`,
    inputs: [],
    data,
  };
  const bytes = leafBytes(unsignedLeaf(statement), 'a'.repeat(64), new Uint8Array(64));
  return Buffer.from(bytes).toString('latin1');
}

test('records come out as they went in, with the index of their entry; other entries are left out', async () => {
  const record = records.find(({ decision }) => decision === 'roll-back');
  assert.ok(record);
  const { index: _index, type: _type, ...data } = record;
  const lines = [
    exportHeaderLine('tidegate.dev/ledger/x'),
    lineOf({ keyId: 'a' }, 'key-event', 0),
    lineOf(structuredClone(data), 'decision', 1),
  ];
  const file = Buffer.from(`${lines.join('\n')}\n`);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    // In two pieces, to show that lines need not come whole.
    yield file.subarray(0, 100);
    yield file.subarray(100);
  }
  assert.deepEqual(await readLedgerRecords(chunks()), [{ ...data, index: 1, type: 'decision' }]);
});
