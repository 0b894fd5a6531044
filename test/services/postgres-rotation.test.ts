import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { release } from '../e2e/release.fixture.ts';
import { makeWorld } from '../e2e/world.fixture.ts';
import { Postgres, withoutPostgres } from './postgres.fixture.ts';

if (withoutPostgres !== false) {
  test('keys of several servers on PostgreSQL', { skip: withoutPostgres }, () => {});
} else {
  const postgres = await Postgres.start();
  after(() => postgres[Symbol.asyncDispose]());

  test('a server whose keys another one has rotated does not take the lease and says so; with the new ones it goes on', async () => {
    const url = await postgres.newDatabase();
    const environment = { TIDEGATE_STORE_URL: url };
    await using first = await makeWorld({ environment });
    await first.up();
    await first.applyAndWait(release({ version: 'v1' }));
    await using second = await makeWorld({ environment });
    const [from, to] = [first, second].map((world) => join(world.stateFolder, 'keys')) as [
      string,
      string,
    ];
    await cp(from, to, { recursive: true });
    await first.must('ledger', 'keys', 'rotate', '--reason', 'once a year');
    await first.down();

    const before = await tokenIn(url);
    const refused = await second.run(second.upArguments);
    assert.equal(refused.code, 1, refused.stdout);
    assert.match(
      refused.stderr,
      /key [0-9a-f]{64} ended with entry \d+, which brought [0-9a-f]{64}/,
    );
    assert.match(refused.stderr, /copy the folder keys of the server that rotated them/);
    assert.equal(await tokenIn(url), before, 'it has taken the lease');

    await rm(to, { recursive: true });
    await cp(from, to, { recursive: true });
    await second.up();
    await second.applyAndWait(release({ version: 'v1', name: 'other' }));
    assert.equal(await tokenIn(url), before + 1);
    await second.verifyLedger();
  });

  async function tokenIn(url: string): Promise<number> {
    const database = url.slice(url.lastIndexOf('/') + 1);
    const [row] = await postgres.sql(database, 'SELECT token FROM tidegate.head');
    return Number(row?.['token']);
  }
}
