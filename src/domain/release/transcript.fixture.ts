import type { ApprovalPolicy } from '../evidence/approval/approval.ts';
import type { Flag } from '../flags/flag.ts';
import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import { decide } from './decide.ts';
import type { Action, Hand, ReleaseEvent, RevisionInstances } from './event.ts';
import { ana, awaitedKey, gate, revisionOf, sampleOf, specOf, stepOf } from './release.fixture.ts';
import type { Plan, Step, TimeLimitChoice } from './revision.ts';
import { rolledOf } from './strategies/rolling.fixture.ts';
import { blueGreenOf, reportOf } from './strategies/standby.fixture.ts';
import { describeService } from './wording/sentence.ts';
import {
  type ApprovalStanding,
  type Decision,
  emptyService,
  type ServiceState,
} from './service-state.ts';

/**
 * Transcripts: what happens to a service in lines of text, and below each what the decider said and did.
 *
 *     plan steps=10,50+approval,100 bake=5s     the plan of the applies below; also soak=, atmost=, worseby=, success=,
 *                                               incident=, replacewithin=, ontimelimit=,
 *                                               rolling=1,0 (at most 1 more, 0 fewer), recreate=60s (deadline)
 *                                               bluegreen=1 (that many stand by; with checks home and load)
 *     flags new=off,on                          revisions that are applied from here on have this flag, off by default
 *     given stable v1                           v1 is stable before the transcript begins, at 0 s
 *     > +1s apply v2                            an event, 1 s after the one before; without `+` at the same moment
 *     > sample candidate 40/2 stable 360/0 x 10 every 100ms
 *     > sample candidate#1 4/4 candidate#2 4/0 stable*20 19/0      by instance; `*20` is 20 instances with that each
 *     > tick heard                              samples of other services come; `tick alone`: none does
 *     > gone                                    the order to stop the last of those that are rolled is done
 *     > approvals met ana:sre until 60s         or `open sre`, `rejected ben`: what recorded approvals come to
 *     > promote override because ...            past approvals
 *     > checked pass                            what a standby answered: also `answers 500`, `load 3/100 250ms`, `not-made`
 *     > show                                    what `tidegate status` would say now
 *
 * A step is `10` (gated), `10!` (not gated), `10+5s` (pause), `10+approval`, `10+sre&owner` (signed approvals of these roles), `10>5s` (at least), `0@x-canary=yes`,
 * `10~new=on` (turns a flag).
 */
export function renderTranscript(text: string): string {
  const world = new TranscriptWorld();
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('  ')) continue;
    lines.push(line, ...world.play(line));
  }
  return lines.join('\n');
}

class TranscriptWorld {
  #state: ServiceState = emptyService('web');
  #plan: Plan = { steps: [stepOf(10), stepOf(50), stepOf(100)], gate, bakeMs: 0, objectives: [] };
  #nowMs = 0;
  #host = 'web.localhost';
  #flags: readonly Flag[] = [];
  readonly #instances = new Map<string, RevisionInstances>();

  play(line: string): readonly string[] {
    const words = line.split(' ').filter((word) => word !== '');
    const [verb, ...rest] = words;
    if (verb === undefined || verb.startsWith('#')) return [];
    if (verb === 'plan') this.#plan = planWith(this.#plan, rest);
    else if (verb === 'host') this.#host = rest[0] ?? '';
    else if (verb === 'flags') this.#flags = rest.map(readFlag);
    else if (verb === 'given') this.#given(rest[1] ?? '');
    else if (verb === '>') return this.#act(rest);
    else throw new Error(`cannot read the transcript line "${line}"`);
    return [];
  }

  #given(version: string): void {
    for (const event of [`apply ${version}`, `ready ${version}`, 'done'])
      this.#act(event.split(' '));
    this.#nowMs = 0;
  }

  #act(words: readonly string[]): readonly string[] {
    const [first = '', ...others] = words;
    const isLater = first.startsWith('+');
    if (isLater) this.#nowMs += durationMs(first.slice(1));
    const rest = isLater ? others : words;
    if (rest[0] === 'show') return [`  "${describeService(this.#state, this.#nowMs)}"`];
    const times = rest.indexOf('x');
    const count = times < 0 ? 1 : Number(rest[times + 1]);
    const everyMs = times < 0 ? 0 : durationMs(rest[times + 3] ?? '');
    const event = times < 0 ? rest : rest.slice(0, times);
    const said: string[] = [];
    for (let n = 0; n < count; n++) {
      this.#nowMs += everyMs;
      const decision = decide(this.#state, this.#eventOf(event));
      this.#state = decision.state;
      said.push(...this.#said(decision));
    }
    return said.length > 0 ? said : [`  nothing, ${phaseText(this.#state)}`];
  }

  #said(decision: Decision): readonly string[] {
    const { record } = decision;
    if (record === null) return [];
    const at = `${(record.atMs / 1000).toFixed(1)} s`;
    return [
      `  ${at} ${record.decision}, ${phaseText(decision.state)}: ${record.sentence}`,
      ...record.effects.map((effect) => `  -> ${effect}`),
    ];
  }

  #eventOf(words: readonly string[]): ReleaseEvent {
    const atMs = this.#nowMs;
    const [verb = '', ...rest] = words;
    switch (verb) {
      case 'apply':
        return { kind: 'apply', atMs, spec: this.#specOf(rest[0] ?? ''), by: ana };
      case 'ready':
      case 'instances':
        return { kind: 'instances', atMs, revisions: this.#seen(verb, rest) };
      case 'sample':
        return { kind: 'sample', atMs, sample: this.#sampleOf(rest) };
      case 'done':
        return { kind: 'effect-done', atMs, key: rest[0] ?? awaitedKey(this.#state) ?? 'none' };
      case 'failed':
        return { kind: 'effect-failed', atMs, ...failureOf(rest) };
      case 'gone': {
        const phase = this.#state.rollout?.phase;
        const key = phase?.kind === 'rolling' ? phase.stopKey : null;
        return { kind: 'effect-done', atMs, key: key ?? 'none' };
      }
      case 'replaced': {
        const key = this.#state.rollout?.replacement?.effectKey ?? 'none';
        return { kind: 'effect-done', atMs, key };
      }
      case 'checked': {
        const standby = this.#state.rollout?.standby;
        const key = standby?.phase === 'checking' ? standby.effectKey : 'none';
        return { kind: 'standby-checked', atMs, key, report: reportOf(rest) };
      }
      case 'approvals': {
        const rolloutId = this.#state.rollout?.id ?? 'none';
        const phase = this.#state.rollout?.phase;
        const stepIndex = phase !== undefined && 'stepIndex' in phase ? phase.stepIndex : 0;
        return { kind: verb, atMs, rolloutId, stepIndex, standing: standingOf(rest) };
      }
      case 'tick':
        if (rest.length === 0) return { kind: verb, atMs };
        return { kind: verb, atMs, isOthersHeard: rest[0] === 'heard' };
      case 'recovered':
        return { kind: verb, atMs };
      default:
        return { kind: 'operate', atMs, ...operationOf(words) };
    }
  }

  #specOf(version: string): ReturnType<typeof specOf> {
    const revision = {
      ...revisionOf(numberOf(version)),
      ...(this.#flags.length === 0 ? {} : { flags: this.#flags }),
    };
    return specOf(numberOf(version), { plan: this.#plan, host: this.#host, revision });
  }

  /** `ready v1 v2`, or `instances v2 1/2 restarts 3 because exited with code 1`; others stay as they were. */
  #seen(verb: string, words: readonly string[]): readonly RevisionInstances[] {
    const because = words.indexOf('because');
    const restarts = words.indexOf('restarts');
    const versions = verb === 'ready' ? words : words.slice(0, 1);
    for (const version of versions) {
      const revisionId = revisionOf(numberOf(version)).id;
      const [ready = 2, total = 2] =
        verb === 'ready' ? [] : (words[1] ?? '').split('/').map(Number);
      this.#instances.set(revisionId, {
        revisionId,
        ready,
        total,
        restarts: restarts < 0 ? 0 : Number(words[restarts + 1]),
        reason: because < 0 ? null : words.slice(because + 1).join(' '),
      });
    }
    return [...this.#instances.values()].filter((each) => each.total > 0);
  }

  #sampleOf(words: readonly string[]): ReturnType<typeof sampleOf> {
    const { rollout } = this.#state;
    const counts: (ArmCount & { revisionId: string; isMatched: boolean })[] = [];
    const instanceIds: (string | null)[] = [];
    for (const [index, word] of words.entries()) {
      const [requests, failures] = (words[index + 1] ?? '').split('/').map(Number);
      if (requests === undefined || failures === undefined) continue;
      const isMatched = words[index - 1] === 'matched';
      const arms = { candidate: rollout?.candidate.id, stable: rollout?.stable?.id };
      const [, arm = word, sign, number] = /^([\w-]+?)([#*])(\d+)$/.exec(word) ?? [];
      const revisionId = (arm === 'candidate' || arm === 'stable' ? arms[arm] : arm) ?? arm;
      const numbers =
        sign === '*' ? Array.from({ length: Number(number) }, (_each, at) => at + 1) : [number];
      for (const each of numbers) {
        counts.push({ revisionId, requests, failures, isMatched });
        instanceIds.push(each === undefined ? null : `${revisionId}-${each}`);
      }
    }
    const sample = sampleOf(this.#nowMs, counts, words.includes('catch-up'));
    const named = sample.counts.map((count, index) => {
      return { ...count, instanceId: instanceIds[index] ?? count.instanceId };
    });
    return { ...sample, counts: named };
  }
}

function phaseText(state: ServiceState): string {
  if (state.isDeleted) return 'deleted';
  const { rollout } = state;
  if (rollout === null) return 'at rest';
  const { phase } = rollout;
  const step = 'stepIndex' in phase ? ` step ${phase.stepIndex + 1}` : '';
  return `${phase.kind}${step}${rollout.paused === null ? '' : ' (paused)'}`;
}

/** `ensure-instances v2 the disk is full`, `set-traffic duplicate host`. */
function failureOf(
  words: readonly string[],
): Pick<
  Extract<ReleaseEvent, { kind: 'effect-failed' }>,
  'key' | 'effect' | 'revisionId' | 'message'
> {
  const [effect, ...rest] = words;
  if (effect === 'set-traffic') {
    return { key: 'web/9/route', effect, revisionId: null, message: rest.join(' ') };
  }
  if (
    effect !== 'ensure-instances' &&
    effect !== 'stop-instances' &&
    effect !== 'replace-instance'
  ) {
    throw new Error(`cannot read the effect "${effect}"`);
  }
  const [version = '', ...message] = rest;
  const revisionId = revisionOf(numberOf(version)).id;
  return { key: 'web/9/run', effect, revisionId, message: message.join(' ') };
}

/** `abort because the queue grows`, `undo v1`. */
function operationOf(words: readonly string[]): { readonly action: Action; readonly by: Hand } {
  const because = words.indexOf('because');
  const why = because < 0 ? null : words.slice(because + 1).join(' ');
  const [kind, version] = because < 0 ? words : words.slice(0, because);
  return { action: actionOf(kind, version), by: { who: 'ana', why } };
}

const plainActions = [
  'promote',
  'promote-full',
  'pause',
  'resume',
  'abort',
  'retry',
  'delete',
] as const;

function actionOf(word: string | undefined, version: string | undefined): Action {
  if (word === 'undo') {
    return {
      kind: word,
      toRevisionId: version === undefined ? null : revisionOf(numberOf(version)).id,
    };
  }
  if ((word === 'promote' || word === 'promote-full') && version === 'override') {
    return { kind: word, override: true };
  }
  const kind = plainActions.find((each) => each === word);
  if (kind === undefined) throw new Error(`cannot read the event "${word}"`);
  return { kind };
}

/** `met ana:sre ben:owner until 60s`, `open sre`, `rejected ben`. */
function standingOf(words: readonly string[]): ApprovalStanding {
  const [kind, ...rest] = words;
  const until = rest.indexOf('until');
  if (kind === 'met' && until > 0) {
    const by = rest.slice(0, until).map((word, at) => {
      const [person = '', role = ''] = word.split(':');
      return { person, role, index: 20 + at };
    });
    return { kind, by, untilMs: durationMs(rest[until + 1] ?? '') };
  }
  if (kind === 'open') return { kind, missing: rest.map((role) => ({ role, count: 1 })) };
  if (kind === 'rejected') return { kind, person: rest[0] ?? '', reason: 'not today', index: 20 };
  throw new Error(`cannot read the approvals "${words.join(' ')}"`);
}

/** `sre&owner`: one of each. */
function policyOf(roles: string): ApprovalPolicy {
  const rules = roles.split('&').map((role) => ({ role, count: 1 }));
  return { rules, validForMs: 3_600_000 };
}

function planWith(plan: Plan, words: readonly string[]): Plan {
  let next = plan;
  for (const word of words) {
    const at = word.indexOf('=');
    const name = word.slice(0, at);
    const value = word.slice(at + 1);
    if (name === 'steps') next = { ...next, steps: value.split(',').map(readStep) };
    else if (name === 'bluegreen') next = { ...next, strategy: blueGreenOf(value) };
    else if (name === 'rolling' || name === 'recreate')
      next = { ...next, strategy: rolledOf(name, value) };
    else if (name === 'bake') next = { ...next, bakeMs: durationMs(value) };
    else if (name === 'soak') next = { ...next, gate: { ...next.gate, soakMs: durationMs(value) } };
    else if (name === 'atmost')
      next = { ...next, gate: { ...next.gate, atMostMs: durationMs(value) } };
    else if (name === 'worseby')
      next = { ...next, gate: { ...next.gate, worseByRatio: Number(value) } };
    else if (name === 'incident')
      next = { ...next, gate: { ...next.gate, incidentMs: durationMs(value) } };
    else if (name === 'replacewithin')
      next = { ...next, gate: { ...next.gate, replaceWithinMs: durationMs(value) } };
    else if (name === 'ontimelimit')
      next = { ...next, gate: { ...next.gate, onTimeLimit: choiceOf(value) } };
    else if (name === 'success') {
      next = {
        ...next,
        objectives: [{ kind: 'success', name: 'answers', ratioMin: Number(value) }],
      };
    } else throw new Error(`cannot read "${word}" of a plan`);
  }
  return next;
}

function choiceOf(text: string): TimeLimitChoice {
  const choices = ['hold', 'extend', 'widen', 'roll-back'] as const;
  const choice = choices.find((each) => each === text);
  if (choice === undefined) throw new Error(`cannot read the choice "${text}"`);
  return choice;
}

function readStep(text: string): Step {
  const found =
    /^([\d.]+)(!?)(?:>(\w+))?(?:\+([\w&]+))?(?:@([\w-]+)=(\w+))?(?:~(\w+)=(\w+))?$/.exec(text);
  if (found === null) throw new Error(`cannot read the step "${text}"`);
  const [, weight, ungated, atLeast, wait, header, value, flag, variant] = found;
  return stepOf(Number(weight), {
    gated: ungated === '' && Number(weight) < 100,
    atLeastMs: atLeast === undefined ? 0 : durationMs(atLeast),
    wait:
      wait === undefined
        ? { kind: 'none' }
        : wait === 'approval'
          ? { kind: wait }
          : /^\d/.test(wait)
            ? { kind: 'pause', durationMs: durationMs(wait) }
            : { kind: 'approval', policy: policyOf(wait) },
    match: header === undefined || value === undefined ? null : { name: header, value },
    ...(flag === undefined || variant === undefined ? {} : { flags: [{ flag, variant }] }),
  });
}

/** The first variant is the default; values are their names. */
function readFlag(text: string): Flag {
  const [key = '', names = ''] = text.split('=');
  const variants = Object.fromEntries(names.split(',').map((name) => [name, name]));
  const [defaultVariant = ''] = Object.keys(variants);
  return { key, state: 'ENABLED', variants, defaultVariant, targeting: [] };
}

function durationMs(text: string): number {
  const found = /^([\d.]+)(ms|s|m|h)$/.exec(text);
  const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[found?.[2] ?? ''];
  if (unitMs === undefined) throw new Error(`cannot read the duration "${text}"`);
  return Math.round(Number(found?.[1]) * unitMs);
}

function numberOf(version: string): number {
  const number = Number(version.slice(1));
  if (!version.startsWith('v') || !Number.isInteger(number)) {
    throw new Error(`cannot read the version "${version}"`);
  }
  return number;
}
