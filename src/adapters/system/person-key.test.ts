import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { readEnrolment } from '../../domain/evidence/approval/person-enrolment.ts';
import {
  checkPersonEnvelope,
  readPersonEnvelope,
} from '../../domain/evidence/approval/person-envelope.ts';
import { createPersonKey, openPersonKey, PersonKeyError } from './person-key.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-person-'));
});
after(() => rm(folder, { recursive: true }));

test('a pair is made once, read back, and signs what its enrolment promises', async () => {
  const place = { path: join(folder, 'deep', 'ana.json'), passphrase: null };
  const made = await createPersonKey('ana', place);
  assert.equal((await stat(place.path)).mode & 0o777, 0o600);
  const { person, keys } = readEnrolment(made.enrolment);
  assert.equal(person, 'ana');
  const again = await openPersonKey(place);
  assert.equal(again.keys.mlDsa65.keyId, keys.mlDsa65.keyId);
  const envelope = readPersonEnvelope(again.sign('text/plain', Buffer.from('"hello"')));
  checkPersonEnvelope(envelope, keys);
  await assert.rejects(createPersonKey('eve', place), isError('exists', /nothing is overwritten/));
  assert.equal((await openPersonKey(place)).person, 'ana');
});

test('with a passphrase, the file alone is of no use', async () => {
  const place = { path: join(folder, 'locked.json'), passphrase: 'tide and time' };
  const made = await createPersonKey('ana', place);
  assert.doesNotMatch(await readFile(place.path, 'utf8'), /BEGIN PRIVATE KEY/);
  assert.deepEqual((await openPersonKey(place)).keys, made.keys);
  const without = { ...place, passphrase: null };
  await assert.rejects(openPersonKey(without), isError('wrong-passphrase', /--passphrase-file/));
  const wrong = { ...place, passphrase: 'tide' };
  await assert.rejects(openPersonKey(wrong), isError('wrong-passphrase', /is wrong/));
});

test('what is no key, or can be read by others, is refused', async () => {
  const path = join(folder, 'other.json');
  const place = { path, passphrase: null };
  await assert.rejects(openPersonKey(place), isError('missing', /tidegate key new/));
  for (const text of ['', '{}', 'null', '{"kind":"PersonKey"}']) {
    await writeFile(path, text, { mode: 0o600 });
    await assert.rejects(openPersonKey(place), isError('not-a-key', /not a key of a person/), text);
  }
  await chmod(path, 0o640);
  await assert.rejects(openPersonKey(place), isError('unsafe-permissions', /chmod 600/));
});

function isError(code: PersonKeyError['code'], message: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof PersonKeyError && error.code === code && message.test(error.message);
}
