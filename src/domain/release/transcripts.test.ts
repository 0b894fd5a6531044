import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { renderTranscript } from './transcript.fixture.ts';

/** What the decider says in whole stories. To be read in review; UPDATE_TRANSCRIPTS=1 writes them anew. */
const folder = join(import.meta.dirname, '../../../test/transcripts');
const isUpdate = process.env['UPDATE_TRANSCRIPTS'] === '1';

for (const name of readdirSync(folder).filter((each) => each.endsWith('.txt'))) {
  test(`the transcript ${name} is what the decider says`, () => {
    const path = join(folder, name);
    const kept = readFileSync(path, 'utf8');
    const played = renderTranscript(kept);
    if (isUpdate) writeFileSync(path, played);
    else assert.equal(played, kept, 'UPDATE_TRANSCRIPTS=1 writes it anew');
  });
}

test('a transcript that says something else is noticed', () => {
  const kept = readFileSync(join(folder, 'healthy-canary.txt'), 'utf8');
  const planted = kept.replace('promoted', 'promised');
  assert.notEqual(planted, kept);
  assert.notEqual(renderTranscript(planted), planted);
});

test('a line that cannot be read is refused, not skipped', () => {
  for (const line of ['>frobnicate', '> frobnicate', '> apply 2', 'plan steps=x', '> +5 tick']) {
    assert.throws(() => renderTranscript(line), /cannot read/, line);
  }
});
