/**
 * What the bounds on false rollbacks rest on: healthy releases are judged by a part of the gate, on streams drawn as coarsely as
 * that part looks, and are kept in a record. Each of the three is held to what it stands for.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { burstBadScenarios, burstNullScenarios } from '../../bench/gates/burst-scenarios.ts';
import { comparators } from '../../bench/gates/comparators.ts';
import { fingerprintOf } from '../../bench/gates/fingerprint.ts';
import { healthyFingerprints } from '../../bench/gates/healthy-job.ts';
import { scaled, tailScaled } from '../../bench/gates/latency-stream.ts';
import { nullScenarios } from '../../bench/gates/null-scenarios.ts';
import { OurGate } from '../../bench/gates/our-gate.ts';
import { openProbing } from '../../bench/gates/probing.ts';
import { Failures, seeded } from '../../bench/gates/random.ts';
import { RecordError, StudyRecord } from '../../bench/gates/record.ts';
import { RollbackGate } from '../../bench/gates/rollback-gate.ts';
import { rollbackRuleOf } from '../../bench/gates/rollback-rules.ts';
import type { Job } from '../../bench/gates/run-scenario.ts';
import { openStream, type Scenario } from '../../bench/gates/stream.ts';
import { studySettings } from '../../bench/gates/study-settings.ts';
import { addToScale, emptyScale, scaleLength } from '../../src/domain/gate/latency-scale.ts';
import type { GateSettings } from '../../src/domain/release/revision.ts';

/** The whole gate and its part side by side, for a minute with a change of the step; null: they agree in every tick. */
function differenceIn(scenario: Scenario, run: number): string | null {
  const incidentMs = scenario.instances?.lengthMs ?? 0;
  const settings = { ...studySettings, ...(incidentMs > 0 ? { incidentMs } : {}) };
  const whole = new OurGate(settings, scenario.durationMs);
  const part = new RollbackGate(settings, scenario.durationMs);
  const rules = [whole, part].map((gate) => openProbing(gate, incidentMs, run));
  const streams = (['coarse', 'scaled'] as const).map((detail) =>
    openStream(scenario, run, 100, detail),
  );
  for (let number = 1; number <= 600; number += 1) {
    if (number === 300) for (const rule of rules) rule.changeStep();
    const [ofWhole, ofPart] = rules.map((rule, index) => {
      const tick = streams[index]?.(number);
      return tick !== undefined && rule.take(tick);
    });
    if (ofWhole !== ofPart) return `rolled back: ${ofWhole}, ${ofPart} in tick ${number}`;
    if (ofWhole === true) return null;
    if (whole.peakLogAgainst !== part.peakLogAgainst) {
      return `${whole.peakLogAgainst}, ${part.peakLogAgainst} in tick ${number}`;
    }
  }
  return null;
}

/** The same traffic with a candidate that is a little worse in both ways, so that evidence moves all the time. */
function worse(scenario: Scenario): Scenario {
  const openRates: Scenario['openRates'] = (random) => {
    const ratesAt = scenario.openRates(random);
    return (atMs) => {
      const { candidateRatio, stableRatio } = ratesAt(atMs);
      return { candidateRatio: Math.min(1, 1.5 * candidateRatio), stableRatio };
    };
  };
  const { openLatency } = scenario;
  if (openLatency === null) return { ...scenario, openRates };
  const slower = scaled(1.25);
  const slow: Scenario['openLatency'] = (random) => {
    const shapesAt = openLatency(random);
    return (atMs) => ({ ...shapesAt(atMs), candidate: slower });
  };
  return { ...scenario, openRates, openLatency: slow };
}

test('the part of the gate that rolls back has the evidence of the whole gate, bit for bit', () => {
  for (const scenario of [...nullScenarios, ...burstNullScenarios, ...burstBadScenarios]) {
    assert.equal(differenceIn(scenario, 1), null, scenario.name);
    assert.equal(differenceIn(worse(scenario), 2), null, `${scenario.name}, worse`);
  }
});

test('that comparison sees another tolerance, which moves evidence a little', () => {
  const [scenario] = nullScenarios.map(worse);
  assert.ok(scenario !== undefined);
  const peaks = [studySettings, { ...studySettings, slowerByRatio: 0.12 }].map((settings) => {
    const gate = new RollbackGate(settings, scenario.durationMs);
    const next = openStream(scenario, 1, 100);
    for (let number = 1; number <= 300; number += 1) gate.take(next(number));
    return gate.peakLogAgainst;
  });
  assert.ok(Math.min(...peaks) > 0 && peaks[0] !== peaks[1], peaks.join(', '));
});

test('a gate that sees the candidate alone is not judged by a part', () => {
  const [scenario] = nullScenarios;
  assert.ok(scenario !== undefined);
  const gate = new RollbackGate(studySettings, 600_000);
  const next = openStream({ ...scenario, shareAt: () => 1 }, 1, 100);
  const takeAll = (): void => {
    for (let number = 1; number <= 10; number += 1) gate.take(next(number));
  };
  assert.throws(takeAll, /has to be judged by the whole gate/);
});

test('latencies drawn coarsely have the chances of the fine ones in each place of the scale', () => {
  for (const shape of [scaled(1), scaled(0.5), scaled(2), tailScaled(2)]) {
    for (const tolerance of [0, 0.1]) {
      const [fine, coarse] = [shape.fine, shape.coarse].map(({ buckets, limits }) => {
        const chances = new Float64Array(scaleLength);
        for (const [index, bucket] of buckets.entries()) {
          const place = addToScale(emptyScale, [[bucket, 1]], tolerance).length - 1;
          chances[place] = (chances[place] ?? 0) + (limits[index] ?? 0) - (limits[index - 1] ?? 0);
        }
        return chances;
      });
      for (let place = 0; place < scaleLength; place += 1) {
        const off = Math.abs((fine?.[place] ?? 0) - (coarse?.[place] ?? 1));
        // Of 2^32; sums in another order.
        assert.ok(off < 0.01, `place ${place}: ${off}`);
      }
    }
    assert.ok(shape.coarse.buckets.length * 2 < shape.fine.buckets.length);
  }
});

test('failures with a gap carried over are as many and as spread as binomial ones', () => {
  for (const ratio of [0.003, 0.02, 0.2, 0.6]) {
    const failures = new Failures(seeded('carried over', 3));
    const [blocks, requests] = [40_000, 30];
    let [sum, squares, neighbours, before] = [0, 0, 0, 0];
    for (let block = 0; block < blocks; block += 1) {
      const off = failures.among(requests, ratio) - requests * ratio;
      sum += off;
      squares += off * off;
      neighbours += off * before;
      before = off;
    }
    const variance = requests * ratio * (1 - ratio);
    assert.ok(Math.abs(sum / blocks) < 4 * Math.sqrt(variance / blocks), `${ratio}: mean ${sum}`);
    assert.ok(Math.abs(squares / blocks / variance - 1) < 0.08, `${ratio}: ${squares / blocks}`);
    const correlation = neighbours / blocks / variance;
    assert.ok(
      Math.abs(correlation) < 4 / Math.sqrt(blocks),
      `${ratio}: correlation ${correlation}`,
    );
  }
});

const job: Job = {
  of: 'one',
  rules: 'rollback',
  firstRun: 0,
  runs: 20,
  tickMs: 100,
  keepsCosts: false,
};
const resultOf = (runs: number, count: number) => ({
  runs,
  tallies: { Tidegate: { runs, count, early: 0, costs: [] } },
});
/** Of a gate whose evidence is `peakLog`. */
const openRecord = (path: string, { isFresh = false, peakLog = 0.1 + 0.2 } = {}) => {
  const known = [{ seed: 0, peakLog, evidence: '0123', others: '10 -' }];
  return new StudyRecord(path, { isFresh, fingerprintsOf: (of) => (of === 'none' ? null : known) });
};

test('a record gives back what was added, and knows what of a job is missing', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'record-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'deep', 'one.json');
  const record = openRecord(path);
  assert.deepEqual(record.missingOf(job), [job]);
  record.add(job, resultOf(20, 1));
  record.add({ ...job, firstRun: 40 }, resultOf(20, 2));
  record.write();
  const again = openRecord(path);
  assert.deepEqual(again.resultOf('one'), resultOf(40, 3));
  assert.equal(again.resultOf('two'), null);
  assert.deepEqual(again.missingOf(job), []);
  const missing = again.missingOf({ ...job, firstRun: 10, runs: 60 });
  assert.deepEqual(
    missing.map(({ firstRun, runs }) => [firstRun, runs]),
    [
      [20, 20],
      [60, 10],
    ],
  );
  again.add({ ...job, firstRun: 20 }, resultOf(20, 0));
  assert.deepEqual(again.missingOf({ ...job, runs: 60 }), []);
  assert.equal(openRecord(path, { isFresh: true }).resultOf('one'), null);
});

test('a record is refused where its first releases come out otherwise by one bit, or not at all', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'record-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'one.json');
  const record = openRecord(path);
  record.add(job, resultOf(20, 1));
  record.write();
  assert.deepEqual(openRecord(path).resultOf('one'), resultOf(20, 1));
  const refusal = /another gate .*"one", seed 0, .*0\.30000000000000004 .* it is evidence 0\.3 at/;
  assert.throws(() => openRecord(path, { peakLog: 0.3 }), refusal);
  openRecord(path, { isFresh: true, peakLog: 0.3 }).resultOf('one');

  writeFileSync(path, readFileSync(path, 'utf8').replace('"one"', '"none"'));
  assert.throws(() => openRecord(path), /"none", seed 0, .* now it is none/);
});

test('a fingerprint has another gate, other streams and other rules in it', () => {
  const [scenario] = nullScenarios;
  const [first, second] = comparators;
  assert.ok(scenario !== undefined && first !== undefined && second !== undefined);
  const short = { ...scenario, durationMs: 60_000 };
  const options = { run: 1, tickMs: 100, detail: 'coarse' } as const;
  const others = [first];
  const printOf = (gate: Partial<GateSettings>, more: Partial<Scenario> = {}, rules = others) => {
    const settings = { ...studySettings, ...gate };
    const own = rollbackRuleOf('own', settings);
    const { seed: _seed, ...print } = fingerprintOf(
      { ...short, ...more },
      { own, others: rules },
      options,
    );
    return print;
  };
  const usual = printOf({});
  assert.deepEqual(printOf({}), usual);
  assert.match(usual.evidence, /^[0-9a-f]{16}$/);
  const changed = [
    printOf({ slowerByRatio: 0.12 }),
    printOf({ warmUpMs: 10_100 }),
    printOf({}, { durationMs: 59_900 }),
    printOf({}, { openRates: () => () => ({ candidateRatio: 0.001, stableRatio: 0.001_01 }) }),
  ];
  for (const print of changed) assert.notEqual(print.evidence, usual.evidence);
  const dead = { openRates: () => () => ({ candidateRatio: 1, stableRatio: 0 }) };
  assert.notEqual(printOf({}, dead).others, printOf({}, dead, [second]).others);
});

test('the study goes on with a record of its own, and refuses one that is not, with a way out', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'record-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'null.json');
  const of = '20/s, 5 %, errors 1 %';
  const fingerprintsOf = (name: string) => healthyFingerprints(name, 100);
  const record = new StudyRecord(path, { isFresh: false, fingerprintsOf });
  record.add({ ...job, of }, resultOf(20, 0));
  record.write();
  const text = readFileSync(path, 'utf8');
  const study = (...argv: readonly string[]) => {
    const program = join(import.meta.dirname, '../../bench/gates/main.ts');
    const all = [program, '--table', 'null', '--recorded', '--record', folder, ...argv];
    return spawnSync(process.execPath, all, { encoding: 'utf8', timeout: 60_000 });
  };
  const kept = study();
  assert.equal(kept.status, 0, kept.stderr);
  assert.match(kept.stdout, /20\/s, 5 %, errors 1 % +0\/20 +13\.91%/);

  const nudged = text.replace(/("seed": 2,\s+"peakLog": 0)/, '$1.1');
  assert.notEqual(nudged, text);
  writeFileSync(path, nudged);
  const refused = study();
  assert.equal(refused.status, 2, refused.stdout);
  assert.match(refused.stderr, /another gate .*"20\/s, 5 %, errors 1 %", seed 2, .*--fresh begins/);
  assert.doesNotMatch(refused.stderr, /\bat .*record\.ts/);
  assert.equal(study('--fresh').status, 0);

  for (const none of [text.slice(0, 100), '{}', 'null', text.replace('fingerprints', 'prints')]) {
    writeFileSync(path, none);
    assert.throws(() => new StudyRecord(path, { isFresh: false, fingerprintsOf }), RecordError);
  }
});

test('the records that stay with the sources are of this gate', () => {
  for (const name of ['null', 'bursts']) {
    const path = join(import.meta.dirname, `../../bench/gates/record/${name}.json`);
    const fingerprintsOf = (of: string) => healthyFingerprints(of, 100);
    const record = new StudyRecord(path, { isFresh: false, fingerprintsOf });
    const scenarios = name === 'null' ? nullScenarios : burstNullScenarios;
    for (const { name: of } of scenarios) assert.ok((record.resultOf(of)?.runs ?? 0) > 0, of);
  }
});
