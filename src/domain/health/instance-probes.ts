/**
 * The probes of one process together: which is due, what they make of the instance, when it is to be started again.
 *
 * H1 Nothing but the startup probe is asked until that has passed; once failed it ends the process.
 * H2 Liveness is asked from the first readiness on: a slow start is the startup probe's matter, or the start timeout's,
 *    which ends nobody. (Kubernetes asks it from the start where there is no startup probe.)
 * H3 A probe is asked once at a time, and not again before its period is over.
 * H4 A process that was ready stays so until the readiness probe has failed; one success threshold brings it back.
 */
import {
  pendingProbe,
  type ProbeName,
  type ProbeResult,
  type ProbeSpec,
  type ProbeState,
  seeProbe,
} from './probe.ts';

export interface ProbeSet {
  /** Null: it has started as soon as it runs. */
  readonly startup: ProbeSpec | null;
  readonly readiness: ProbeSpec & {
    /** Between two probes until the instance was ready once. */
    readonly firstPeriodMs: number;
  };
  /** Null: never started again by a probe. */
  readonly liveness: ProbeSpec | null;
  /** How long a process may take until it is ready for the first time; then it is unready and not starting. */
  readonly startTimeoutMs: number;
}

interface Asked extends ProbeState {
  readonly nextAtMs: number;
  readonly isUnderWay: boolean;
}

export interface InstanceProbes {
  readonly startedAtMs: number;
  readonly wasReady: boolean;
  readonly asked: Readonly<Record<ProbeName, Asked>>;
}

/** What the probes make of a process. `end`: it is to be ended and started again, because of this. */
export interface Standing {
  readonly state: 'starting' | 'ready' | 'unready';
  readonly reason: string | null;
  readonly end: string | null;
}

export interface ProbedProcess {
  readonly startedAtMs: number;
  /** An earlier server saw it ready: it has started, and is ready unless `readiness` says otherwise. */
  readonly wasReady: boolean;
  /** What readiness probes have said already; absent: there were none. */
  readonly readiness?: ProbeState;
}

export function beginProbes(set: ProbeSet, probed: ProbedProcess): InstanceProbes {
  const { startedAtMs, readiness } = probed;
  const wasReady = probed.wasReady || readiness?.verdict === 'passed';
  const ask = (spec: ProbeSpec | null, verdict: ProbeState['verdict']): Asked => ({
    ...pendingProbe,
    verdict,
    nextAtMs: startedAtMs + (spec?.initialDelayMs ?? 0),
    isUnderWay: false,
  });
  const first = wasReady ? 'passed' : 'pending';
  const asked = {
    startup: ask(set.startup, first),
    readiness: { ...ask(set.readiness, first), ...readiness },
    liveness: ask(set.liveness, 'pending'),
  };
  return { startedAtMs, wasReady, asked };
}

/** Those to be asked now. */
export function dueProbes(
  probes: InstanceProbes,
  set: ProbeSet,
  atMs: number,
): readonly ProbeName[] {
  return wantedProbes(probes, set).filter((name) => {
    const { isUnderWay, nextAtMs } = probes.asked[name];
    return !isUnderWay && nextAtMs <= atMs;
  });
}

/** When the next probe is due; null: all that are wanted are under way. */
export function nextProbeAtMs(probes: InstanceProbes, set: ProbeSet): number | null {
  const idle = wantedProbes(probes, set)
    .map((name) => probes.asked[name])
    .filter(({ isUnderWay }) => !isUnderWay);
  return idle.length === 0 ? null : Math.min(...idle.map(({ nextAtMs }) => nextAtMs));
}

export function askProbe(
  probes: InstanceProbes,
  set: ProbeSet,
  { name, atMs }: { readonly name: ProbeName; readonly atMs: number },
): InstanceProbes {
  const nextAtMs = atMs + periodMs(probes, set, name);
  return withAsked(probes, name, { ...probes.asked[name], isUnderWay: true, nextAtMs });
}

export function answerProbe(
  probes: InstanceProbes,
  set: ProbeSet,
  { name, result }: { readonly name: ProbeName; readonly result: ProbeResult },
): InstanceProbes {
  const spec = set[name];
  if (spec === null) return probes;
  const before = probes.asked[name];
  const seen = withAsked(probes, name, {
    ...seeProbe(before, result, spec),
    nextAtMs: before.nextAtMs,
    isUnderWay: false,
  });
  const isReady = name === 'readiness' && seen.asked.readiness.verdict === 'passed';
  return isReady ? { ...seen, wasReady: true } : seen;
}

export function standingOf(probes: InstanceProbes, set: ProbeSet, atMs: number): Standing {
  const { startup, readiness, liveness } = probes.asked;
  const end = endOf('startup', startup, set.startup) ?? endOf('liveness', liveness, set.liveness);
  const text = hasStarted(probes, set) ? readiness.text : startup.text;
  if (probes.wasReady) {
    const isReady = readiness.verdict === 'passed';
    return { state: isReady ? 'ready' : 'unready', reason: isReady ? null : text, end };
  }
  const isLate = atMs - probes.startedAtMs >= set.startTimeoutMs;
  if (!isLate) return { state: 'starting', reason: text, end };
  const reason = `not ready after ${set.startTimeoutMs / 1_000} s: ${text ?? 'no probe has ended'}`;
  return { state: 'unready', reason, end };
}

function endOf(name: ProbeName, { verdict, ...asked }: Asked, spec: ProbeSpec | null) {
  if (spec === null || verdict !== 'failed') return null;
  const kind = name === 'startup' ? ' (startup)' : '';
  return `${asked.text ?? 'the probe failed'}, ${asked.failuresInARow} times in a row${kind}`;
}

/** H1, H2 */
function wantedProbes(probes: InstanceProbes, set: ProbeSet): readonly ProbeName[] {
  if (!hasStarted(probes, set)) return ['startup'];
  return set.liveness !== null && probes.wasReady ? ['readiness', 'liveness'] : ['readiness'];
}

function hasStarted({ asked }: InstanceProbes, { startup }: ProbeSet): boolean {
  return startup === null || asked.startup.verdict === 'passed';
}

function periodMs({ wasReady }: InstanceProbes, set: ProbeSet, name: ProbeName): number {
  if (name === 'readiness' && !wasReady) return set.readiness.firstPeriodMs;
  return set[name]?.periodMs ?? 0;
}

function withAsked(probes: InstanceProbes, name: ProbeName, asked: Asked): InstanceProbes {
  return { ...probes, asked: { ...probes.asked, [name]: asked } };
}
