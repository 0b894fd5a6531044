import {
  type FaultChange,
  faultChangeSchema,
  faultListSchema,
  faultReceiptSchema,
  type FaultView,
} from '../../../api/faults-wire.ts';
import type {
  FaultDesk,
  FaultEntry,
  FaultSaid,
  FaultWish,
  WantedFault,
} from '../../../control/desks/fault-desk.ts';
import type { ControlLoop } from '../../../control/loop/loop.ts';
import { activeRollout, type ServiceState } from '../../../domain/release/service-state.ts';
import { faultWords } from '../../../domain/traffic/faults/fault-words.ts';
import type { RequestMatch } from '../../../domain/traffic/routing/request-match.ts';
import { ofBody, ofService, serviceResource, type Wish } from '../access/route-access.ts';
import type { EventFeed } from '../event-feed.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';
import { areRoutesInForce } from './routes-in-force.ts';
import { timeText } from '../views/time-text.ts';

export interface FaultParts {
  readonly faults: FaultDesk;
  readonly loop: Pick<ControlLoop, 'service' | 'instances' | 'pushRoutes'>;
  readonly feed: EventFeed;
  readonly signal: AbortSignal;
}

/** How long the entry, and then the gateway, are waited for. */
const boundMs = 20_000;

/** Trouble on purpose: what is in force, more of it, and its end. */
export function addFaultRoutes(http: Http, parts: FaultParts): void {
  http.get(
    '/v1/faults',
    {
      config: ofService('faults:read', () => null),
      schema: { response: { 200: faultListSchema } },
    },
    async (request) => ({
      items: parts.faults.active.filter(({ service }) => request.sees(service)).map(faultView),
    }),
  );
  http.post(
    '/v1/faults',
    {
      config: ofBody(['faults:write'], 'own', ({ body }) => faultWish(parts, body)),
      schema: { body: faultChangeSchema, response: { 200: faultReceiptSchema } },
    },
    async (request) => {
      const signal = AbortSignal.any([parts.signal, AbortSignal.timeout(boundMs)]);
      const said = await change(parts, request.body, signal);
      if (said.kind === 'refused') throw new HttpProblem(409, said.because);
      const { entry } = said;
      publish(parts.feed, entry, request.body);
      const isInForce = await areRoutesInForce(parts.loop, signal);
      const { index: entryIndex, sentence, wanted } = entry;
      return { entryIndex, sentence, isInForce, fault: faultView(wanted) };
    },
  );
}

/** To end a fault is of its service; one that is not in force is refused by the desk. */
function faultWish({ faults }: FaultParts, body: unknown): Wish {
  const wanted = faultChangeSchema.parse(body);
  const ended =
    wanted.action === 'add' ? null : faults.active.find(({ rule }) => rule.id === wanted.id);
  const service = wanted.action === 'add' ? wanted.service : (ended?.service ?? null);
  return { action: 'faults:write', resources: [serviceResource(service)] };
}

export function faultView({ service, rule, by, sinceMs }: WantedFault): FaultView {
  const { id, untilMs } = rule;
  const [since, until] = [timeText(sinceMs), timeText(untilMs)];
  return { id, service, sentence: faultWords(rule), by: { ...by }, since, until };
}

function change(
  { faults, loop }: FaultParts,
  wanted: FaultChange,
  signal: AbortSignal,
): Promise<FaultSaid> {
  const by = { who: wanted.who, why: wanted.why };
  if (wanted.action === 'remove') return faults.remove(wanted.id, by, signal);
  const state = loop.service(wanted.service);
  if (state === null || state.spec === null || state.isDeleted) {
    throw new HttpProblem(404, `there is no service ${JSON.stringify(wanted.service)}`);
  }
  return faults.add(wanted.service, wishOf(wanted, state, loop), by, signal);
}

type Addition = Extract<FaultChange, { action: 'add' }>;

function wishOf(
  wanted: Addition,
  state: ServiceState,
  { instances }: FaultParts['loop'],
): FaultWish {
  const { percent, delayMs, abort, lastsMs, instance, rule, match } = wanted;
  if (delayMs === null && abort === null) {
    throw new HttpProblem(400, 'a fault delays requests, aborts them, or both; say one of them');
  }
  const isKnown = instances.some(({ id, service }) => id === instance && service === state.name);
  if (instance !== null && !isKnown) throw unknown('instance', instance, state.name);
  const ruleNames = (state.spec?.rules ?? []).map(({ name }) => name);
  if (rule !== null && !ruleNames.includes(rule)) throw unknown('rule', rule, state.name);
  return {
    lastsMs,
    matches: match === null ? [] : [matchOf(match)],
    ...(delayMs === null ? {} : { delay: { percent, fixedDelayMs: delayMs } }),
    ...(abort === null ? {} : { abort: { percent, with: abort } }),
    ...(wanted.revision === null ? {} : { revisionId: revisionIdOf(wanted.revision, state) }),
    ...(instance === null ? {} : { instanceId: instance }),
    ...(rule === null ? {} : { ruleName: rule }),
    ...(wanted.isEvidence ? { isEvidence: true } : {}),
  };
}

function matchOf({ path, method, headers }: NonNullable<Addition['match']>): RequestMatch {
  const isPrefix = path === null || path.endsWith('/*');
  return {
    path: {
      type: isPrefix ? 'PathPrefix' : 'Exact',
      value: path === null ? '/' : isPrefix ? path.slice(0, -1) : path,
    },
    method,
    headers: headers.map(({ name, value }) => ({ name: name.toLowerCase(), value })),
    queryParams: [],
    cookies: [],
  };
}

/** `named` by id or by version, the newest of several first. */
function revisionIdOf(named: string, state: ServiceState): string {
  const candidate = activeRollout(state)?.candidate;
  const known = [...state.stables, ...(candidate === undefined ? [] : [candidate])];
  const found = known.findLast(({ id, version }) => id === named || version === named);
  if (found === undefined) throw unknown('revision', named, state.name);
  return found.id;
}

function unknown(kind: string, name: string, service: string): HttpProblem {
  const remedy = `see: tidegate describe ${service}`;
  return new HttpProblem(404, `${service} has no ${kind} ${JSON.stringify(name)}; ${remedy}`);
}

function publish(feed: EventFeed, { index, atMs, sentence, wanted }: FaultEntry, by: FaultChange) {
  feed.publish({
    index,
    at: timeText(atMs),
    type: 'operator-action',
    service: wanted.service,
    rolloutId: null,
    decision: null,
    weightPercent: null,
    by: { who: by.who, why: by.why },
    severity: 'warning',
    sentence,
  });
}
