import type { ArmPair, Rollout, TelemetryFaultKind, TelemetryWatch } from '../service-state.ts';
import { countText, rateText, secondsText } from '../wording/amount-text.ts';

/**
 * Whether the samples can be trusted to come: a gate that hears nothing judges nothing, and must neither pass on what it heard
 * before nor hold for ever without a word.
 *
 *   silence     the service had requests, its routes are in force, and now none is seen;
 *   arm-silent  one arm has requests and the other, which has its share, has none;
 *   impossible  samples come that can't be (negative counts, more failures than requests, times long past).
 *
 * T1  A fault holds the step at once and is evidence for nothing. The way back is not held: what was proven stays proven.
 * T2  After `alertAfterMs` it is an alert, once, with its own entry, and there is an entry when it is over.
 * T3  It is judged by what should have come: requests expected by the rate before, or by the other arm and the weights in
 *     force. With `missingMin` expected, none comes by chance once in 500 million times (e^-20, Poisson). So one request a
 *     minute raises no alert by being late, and 80/s that stop are noticed after 3 s.
 *
 * From here a service whose users have all gone looks like one whose samples are lost; the sentence says both.
 */
const alertAfterMs = 30_000;
const missingMin = 20;
const silentMsMin = 3_000;
const memoryMs = 30_000;
/** Samples are good again when none was broken for this long. */
const brokenMs = 10_000;

/** The watch after a sample that brought these requests, seen while the candidate had `shareRatio` (null: no split). */
export function watchRequests(
  watch: TelemetryWatch | undefined,
  pair: ArmPair,
  moment: { readonly atMs: number; readonly shareRatio: number | null },
): TelemetryWatch | undefined {
  const { atMs, shareRatio } = moment;
  const candidate = pair.candidate.requests;
  const stable = pair.stable.requests;
  const requests = candidate + stable;
  if (!Number.isFinite(requests) || requests <= 0) return watch;
  const before = watch ?? freshWatch(atMs);
  const keptRatio = Math.exp(-Math.max(0, atMs - before.seenAtMs) / memoryMs);
  const requestsPerSecond = before.requestsPerSecond * keptRatio + (1000 * requests) / memoryMs;
  const odds = shareRatio === null ? 0 : shareRatio / (1 - shareRatio);
  const missing = {
    candidate: candidate > 0 ? 0 : before.missing.candidate + stable * odds,
    stable: stable > 0 || odds === 0 ? 0 : before.missing.stable + candidate / odds,
  };
  return { ...before, requestsPerSecond, seenAtMs: Math.max(atMs, before.seenAtMs), missing };
}

/** A sample was refused by the gate. */
export function watchBroken(
  watch: TelemetryWatch | undefined,
  broken: { readonly atMs: number; readonly sentence: string },
): TelemetryWatch {
  return { ...(watch ?? freshWatch(broken.atMs)), broken };
}

/** The weights change: what an arm should have had is counted anew. */
export function withoutMissing(rollout: Rollout): Rollout {
  const { telemetry } = rollout;
  if (telemetry === undefined) return rollout;
  return { ...rollout, telemetry: { ...telemetry, missing: { candidate: 0, stable: 0 } } };
}

/**
 * Nobody listened until now: silence is counted from here, and the time until here is no part of the rate. A silence that was noticed
 * before goes on until something is heard.
 */
export function listenAnew(rollout: Rollout, atMs: number): Rollout {
  const { telemetry } = rollout;
  if (telemetry === undefined || telemetry.fault !== null) return rollout;
  return { ...rollout, telemetry: skipTo(telemetry, atMs) };
}

/** What a catch-up sample says: somebody is there. Its requests are of a time of which not even the length is known. */
export function watchCatchUp(
  watch: TelemetryWatch | undefined,
  { requests, atMs }: { readonly requests: number; readonly atMs: number },
): TelemetryWatch | undefined {
  return watch === undefined || !(requests > 0) ? watch : skipTo(watch, atMs);
}

function skipTo(watch: TelemetryWatch, atMs: number): TelemetryWatch {
  const skippedMs = Math.max(0, atMs - watch.seenAtMs);
  return { ...watch, sinceMs: watch.sinceMs + skippedMs, seenAtMs: watch.seenAtMs + skippedMs };
}

/** What is wrong now, as a sentence; null: nothing. */
export function telemetryFaultNow(
  rollout: Rollout,
  atMs: number,
): { readonly kind: TelemetryFaultKind; readonly sentence: string } | null {
  const { telemetry, phase } = rollout;
  const isInForce =
    phase.kind === 'judging' ||
    phase.kind === 'waiting' ||
    phase.kind === 'baking' ||
    (phase.kind === 'parked' && phase.effectKey === null);
  if (telemetry === undefined || !isInForce) return null;
  const { broken, seenAtMs, missing } = telemetry;
  if (broken !== null && atMs - broken.atMs < brokenMs) {
    return { kind: 'impossible', sentence: `a sample was refused: ${broken.sentence}` };
  }
  const silentMs = atMs - seenAtMs;
  const rate = rateOf(telemetry);
  if (silentMs >= silentMsMin && (rate * silentMs) / 1000 >= missingMin) {
    const before = `it had about ${rateText(rate)} before and its routes are in force`;
    const sentence = `no request was seen for ${secondsText(silentMs)}, though ${before}`;
    return { kind: 'silence', sentence };
  }
  for (const arm of ['candidate', 'stable'] as const) {
    if (missing[arm] < missingMin) continue;
    const count = countText(missing[arm]);
    const sentence = `no request to ${arm} was seen where about ${count} should have been, by the other arm's and the weights in force`;
    return { kind: 'arm-silent', sentence };
  }
  return null;
}

/** Requests/s of the service. What a mean with a memory misses while it is young is made up for; in the first second it is taken as a second's. */
export function rateOf({ requestsPerSecond, sinceMs, seenAtMs }: TelemetryWatch): number {
  const ageMs = Math.max(1000, seenAtMs - sinceMs);
  return requestsPerSecond / -Math.expm1(-ageMs / memoryMs);
}

/** The watch with the fault as it is now: since when, and whether it is time for an alert or for its end. */
export function faultNow(
  rollout: Rollout,
  atMs: number,
): {
  readonly rollout: Rollout;
  readonly sentence: string | null;
  readonly due: 'alert' | 'alert-over' | null;
} {
  const { telemetry } = rollout;
  if (telemetry === undefined) return { rollout, sentence: null, due: null };
  const found = telemetryFaultNow(rollout, atMs);
  const known = telemetry.fault;
  if (found === null) {
    if (known === null) return { rollout, sentence: null, due: null };
    const healed = { ...rollout, telemetry: { ...telemetry, fault: null } };
    // An alert is over when what was missing is there again, not when a change of the weights hides it.
    if (known.alert !== null && !isSteady(rollout)) return { rollout, sentence: null, due: null };
    return { rollout: healed, sentence: null, due: known.alert === null ? null : 'alert-over' };
  }
  if (known === null) {
    const fault = { kind: found.kind, sinceMs: atMs, alert: null };
    const noted = { ...rollout, telemetry: { ...telemetry, fault } };
    return { rollout: noted, sentence: found.sentence, due: null };
  }
  const isDue = known.alert === null && atMs - known.sinceMs >= alertAfterMs;
  return { rollout, sentence: found.sentence, due: isDue ? 'alert' : null };
}

function isSteady({ phase }: Rollout): boolean {
  return phase.kind !== 'shifting' && !(phase.kind === 'parked' && phase.effectKey !== null);
}

/** What an operator reads and does. */
export function alertText(
  rollout: Rollout,
  fault: {
    readonly kind: TelemetryFaultKind;
    readonly sentence: string;
    readonly isOthersHeard: boolean | null;
  },
): string {
  const { kind, sentence, isOthersHeard } = fault;
  const held = 'nothing of it is evidence and the step holds';
  if (kind === 'impossible') {
    return `${sentence}; ${held}; check the clock of this machine, and report a defect if it goes on`;
  }
  const others =
    isOthersHeard === null
      ? ''
      : isOthersHeard
        ? '; other services are heard'
        : '; no other service is heard either';
  const remedy =
    kind === 'silence'
      ? 'either its users are gone or its samples are lost: see "tidegate status" for the gateway, and send a request to it'
      : `see "tidegate describe ${rollout.candidate.service}" for instances that are not ready`;
  return `${sentence}${others}; ${held}; ${remedy}`;
}

function freshWatch(atMs: number): TelemetryWatch {
  return {
    requestsPerSecond: 0,
    sinceMs: atMs,
    seenAtMs: atMs,
    missing: { candidate: 0, stable: 0 },
    broken: null,
    fault: null,
  };
}
