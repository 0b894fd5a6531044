import { join } from 'node:path';

import { openSqliteLedger } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { openSigningKey } from '../../src/adapters/system/signing-key.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { parseReleaseFiles } from '../../src/api/release-file/parse-release-files.ts';
import { serviceSpecOf } from '../../src/apps/server/release-files/service-spec.ts';
import type { RecordBatch } from '../../src/control/recording/recorder-draft.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import type { ServiceSpec } from '../../src/domain/release/revision.ts';
import { RecordedService } from './recorded-service.ts';

/** How the services with a stable revision end; repeated over all of them. */
const ends = ['promoted', 'failed', 'promoted', 'aborted'] as const;
/** One service in so many has a stable revision, and so a route of the gateway; the others never became ready. */
const stableEvery = 20;
const people = ['ana', 'ben', 'chloe', 'dmitri', 'emeka', 'fatima'] as const;
const words = ['cart', 'search', 'billing', 'profile', 'stock', 'mail', 'ads', 'auth'] as const;

const dayMs = 86_400_000;
/** Calls that wait for the recorder at once, below its own bound. */
const callsMax = 1_024;

export interface FilledRollouts {
  readonly rollouts: number;
  readonly entries: number;
}

/**
 * Writes the ledger of a state folder with `count` services, each with its rollouts of the last 30 days: promoted, rolled back by the
 * gate, or aborted. Whatever is stable sleeps, so that the server that is started on it has no process to start.
 */
export async function fillRollouts(
  stateFolder: string,
  count: number,
  signal: AbortSignal,
): Promise<FilledRollouts> {
  await using store = await openSqliteLedger({ folder: stateFolder, sizeLimitBytes: null }, signal);
  const signer = await openSigningKey(join(stateFolder, 'keys'));
  const clock = new SystemClock({ notBeforeMs: 0 });
  const parts = { store, tree: store, signer, clock, version: '0.1.0' };
  await using recorder = await openRecorder(parts, signal);
  const specs = { v1: specOf('v1'), v2: specOf('v2') };
  const sinceMs = clock.nowMs() - 30 * dayMs;
  let rollouts = 0;
  let waiting: RecordBatch[] = [];
  for (let number = 0; number < count; number += 1) {
    const startedAtMs = sinceMs + Math.floor((number / count) * 29 * dayMs);
    const service = liveOf(number, { specs, startedAtMs });
    rollouts += service.state.rolloutCount;
    waiting.push(...service.batches);
    if (waiting.length < callsMax && number < count - 1) continue;
    await Promise.all(waiting.map((batch) => recorder.record(batch, signal)));
    waiting = [];
  }
  return { rollouts, entries: recorder.size };
}

interface Specs {
  readonly v1: ServiceSpec;
  readonly v2: ServiceSpec;
}

function liveOf(
  number: number,
  { specs, startedAtMs }: { readonly specs: Specs; readonly startedAtMs: number },
): RecordedService {
  const name = `${words[number % words.length]}-${number}`;
  const who = people[number % people.length] ?? 'ana';
  const isReady = number % stableEvery === 0;
  const service = new RecordedService(name, { startedAtMs, isReady });
  const first = renamed(specs.v1, name);
  service.apply(first, who);
  if (isReady) {
    const end = ends[(number / stableEvery) % ends.length] ?? 'promoted';
    liveOn(service, { end, who, second: renamed(specs.v2, name) });
    service.fallAsleep(first.revision);
  } else {
    service.abort(who, 'it does not become ready');
  }
  if (isGoingOn(service)) throw new Error(`${name} is not over`);
  return service;
}

function liveOn(
  service: RecordedService,
  {
    end,
    who,
    second,
  }: { readonly end: (typeof ends)[number]; readonly who: string; readonly second: ServiceSpec },
): void {
  if (end === 'promoted') return;
  service.apply(second, who);
  if (end === 'aborted') return service.abort(who, 'wrong configuration');
  service.lookAtLoad();
  // A fifth of the candidate's requests fail; the gate says when that is enough.
  for (let n = 0; n < 50 && isGoingOn(service); n += 1) service.serve(100, 20);
}

function isGoingOn({ state }: RecordedService): boolean {
  const phase = state.rollout?.phase.kind;
  return phase !== 'promoted' && phase !== 'rolled-back';
}

function renamed(spec: ServiceSpec, name: string): ServiceSpec {
  const { digest } = spec.revision;
  const revision = { ...spec.revision, service: name, id: `${name}-${digest.slice(0, 10)}` };
  return { ...spec, name, host: `${name}.localhost`, revision };
}

function specOf(version: string): ServiceSpec {
  const text = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: web, labels: { version: ${version}, team: shop } }
spec:
  run: { command: [node, server.js], env: { VERSION: ${version} } }
  health: { ready: /readyz, live: /livez, stopGrace: 10s }
  scale: { min: 0, max: 5, on: { concurrency: 20 } }
  traffic: { host: web.localhost, timeout: 5s }
  objectives: [{ name: availability, success: 99% }]
  rollout:
    steps: [5%, 25%, 50%, 100%]
    gate: { worseBy: 3pp, soak: 1s, atMost: 10m }
    bake: 5m
`;
  const { services, problems } = parseReleaseFiles([{ path: '/srv/web.yaml', text }]);
  const [document] = services;
  if (document === undefined) throw new Error(problems.map(({ message }) => message).join('; '));
  return serviceSpecOf(document);
}
