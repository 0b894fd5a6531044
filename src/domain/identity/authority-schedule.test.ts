import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AuthorityTimes,
  backdateMs,
  isAuthorityOld,
  renewsFromMs,
  signingAuthority,
  successorSignsFromMs,
  trustedAuthorities,
  trustEndsMs,
  validityFrom,
} from './authority-schedule.ts';

const hourMs = 3_600_000;
const yearMs = 365 * 24 * hourMs;

function authority(number: number, createdAtMs: number, svidLifeMs = hourMs): AuthorityTimes {
  const signsFromMs = number === 1 ? createdAtMs : successorSignsFromMs(createdAtMs, svidLifeMs);
  return { number, createdAtMs, signsFromMs, notAfterMs: createdAtMs + yearMs, svidLifeMs };
}

test('the first authority signs at once, a later one when all have renewed', () => {
  const first = authority(1, 0);
  const second = authority(2, 10 * hourMs);
  const both = [second, first];
  assert.equal(signingAuthority([], 0), null);
  assert.equal(signingAuthority([first], 0)?.number, 1);
  assert.equal(signingAuthority(both, 10 * hourMs)?.number, 1);
  assert.equal(signingAuthority(both, second.signsFromMs - 1)?.number, 1);
  assert.equal(signingAuthority(both, second.signsFromMs)?.number, 2);
});

test('both are trusted from the new one on until the last certificate of the old one has ended', () => {
  const first = authority(1, 0);
  const second = authority(2, 10 * hourMs);
  const numbersAt = (nowMs: number) =>
    trustedAuthorities([first, second], nowMs).map(({ number }) => number);
  assert.deepEqual(numbersAt(10 * hourMs), [1, 2]);
  const endsMs = trustEndsMs(first, second);
  assert.deepEqual(numbersAt(endsMs - 1), [1, 2]);
  assert.deepEqual(numbersAt(endsMs), [2]);
  const last = validityFrom(second.signsFromMs - 1, first.svidLifeMs);
  assert.ok(endsMs >= last.notAfterMs);
});

for (const svidLifeMs of [1000, 1500, 60_000, hourMs]) {
  test(`with lives of ${svidLifeMs} ms no certificate is without a trusted authority`, () => {
    const all = [1, 2, 3].map((number) =>
      authority(number, (number - 1) * 4 * svidLifeMs, svidLifeMs),
    );
    for (let nowMs = 0; nowMs < 20 * svidLifeMs; nowMs += Math.ceil(svidLifeMs / 7)) {
      const made = all.filter(({ createdAtMs }) => createdAtMs <= nowMs);
      const signer = signingAuthority(made, nowMs);
      assert.ok(signer !== null);
      const { notAfterMs } = validityFrom(nowMs, svidLifeMs);
      for (const atMs of [nowMs, nowMs + svidLifeMs / 2, notAfterMs - 1]) {
        const known = all.filter(({ createdAtMs }) => createdAtMs <= atMs);
        assert.ok(trustedAuthorities(known, atMs).some(({ number }) => number === signer.number));
      }
    }
  });
}

test('a certificate lives at least as long as it shall, in whole seconds, and a little before', () => {
  assert.deepEqual(validityFrom(10_900, 1000), { notBeforeMs: 10_000, notAfterMs: 12_000 });
  assert.deepEqual(validityFrom(100_000, hourMs), { notBeforeMs: 70_000, notAfterMs: 3_700_000 });
  assert.deepEqual([backdateMs(1000), backdateMs(hourMs)], [100, 30_000]);
  assert.equal(renewsFromMs(10_000, 12_000), 11_000);
});

test('an authority is old in the last tenth of its life', () => {
  const first = authority(1, 0);
  assert.equal(isAuthorityOld(first, 0.89 * yearMs), false);
  assert.equal(isAuthorityOld(first, 0.91 * yearMs), true);
});
