import assert from 'node:assert/strict';
import { test } from 'node:test';

import { graphQuerySchema, graphSchema, type ServiceGraph } from '../../../api/graph-wire.ts';
import { firstRollout, play } from '../../../domain/release/release.fixture.ts';
import type { ServiceState } from '../../../domain/release/service-state.ts';
import { FlowMeter } from '../flow-meter.ts';
import { graphView } from './graph-view.ts';

const nowMs = 100_000;

/** The fixture's service, promoted, under another name; its revision keeps its id. */
function named(name: string, dependsOn: readonly string[] = []): ServiceState {
  const { state } = play(firstRollout());
  assert.ok(state.spec !== null && state.traffic !== null);
  return { ...state, name, spec: { ...state.spec, name, dependsOn } };
}

const [revisionId = ''] = named('x').traffic?.shares.map((each) => each.revisionId) ?? [];

function flowing(rates: Readonly<Record<string, readonly [good: number, bad: number]>>): FlowMeter {
  const meter = new FlowMeter();
  for (const [service, [good, bad]] of Object.entries(rates)) {
    const byStatusClass = [0, good, 0, 0, bad, 0];
    const count = { revisionId, instanceId: 'i', isMatched: false, byStatusClass };
    const counts = [{ ...count, latency: [[100, good + bad]] as const }];
    meter.add({ atMs: nowMs - 10_000, service, counts, isCatchUp: false });
  }
  return meter;
}

const shop = [named('web', ['checkout']), named('checkout', ['payments']), named('payments')];
const quiet = named('mail');

const everything = (name: string | null): boolean => name !== '';

function graph(
  query: Record<string, string>,
  { services = [...shop, quiet], meter = new FlowMeter(), sees = everything } = {},
): ServiceGraph {
  const parts = { meter, nowMs, sees };
  return graphSchema.parse(graphView(services, graphQuerySchema.parse(query), parts));
}

function namesOf({ nodes }: ServiceGraph): string[] {
  return nodes.filter(({ kind }) => kind === 'service').map(({ name }) => name);
}

test('a service and one hop are shown, and the edges between what is shown', () => {
  const seen = graph({ service: 'web' });
  assert.deepEqual(namesOf(seen), ['checkout', 'web']);
  assert.deepEqual(
    seen.edges.map(({ id }) => id),
    ['gateway>checkout', 'gateway>web', 'web>checkout'],
  );
  assert.deepEqual(namesOf(graph({ service: 'web', hops: '2' })), ['checkout', 'payments', 'web']);
  assert.equal(namesOf(graph({})).length, 4);
});

test('an edge has what the gateway counted, by revision and weight, and a declared one nothing of its own', () => {
  const seen = graph({ service: 'web' }, { meter: flowing({ web: [90, 10] }) });
  const route = seen.edges.find(({ id }) => id === 'gateway>web');
  assert.ok(route !== undefined);
  assert.equal(route.errorRatio, 0.1);
  assert.equal(route.requestsPerSecond, 10);
  assert.ok((route.p99Ms ?? 0) > 0);
  assert.deepEqual(
    route.revisions.map((each) => [each.revisionId, each.weightPercent, each.measuredSharePercent]),
    [[revisionId, 100, 100]],
  );
  const declared = seen.edges.find(({ id }) => id === 'web>checkout');
  assert.deepEqual([declared?.source, declared?.requestsPerSecond], ['declared', null]);
});

test('what has problems comes first, with its sentence, and alone if asked for, with who asks it', () => {
  const meter = flowing({ web: [1000, 0], payments: [60, 40], mail: [50, 0] });
  const [first] = graph({}, { meter }).nodes.filter(({ kind }) => kind === 'service');
  assert.equal(first?.name, 'payments');
  assert.equal(first.health, 'degraded');
  assert.match(first.sentence ?? '', /^40 % of 100 requests failed/);
  const problems = graph({ problems: 'true' }, { meter });
  assert.deepEqual(namesOf(problems), ['payments', 'checkout']);
  assert.deepEqual(namesOf(graph({ problems: 'true' })), []);
  assert.deepEqual(graph({ problems: 'true' }).nodes, []);
});

test('a node whose only edge is bad is as bad as the edge', () => {
  const meter = flowing({ web: [10, 90] });
  const { nodes, edges } = graph({ service: 'web', hops: '0' }, { meter });
  const node = nodes.find(({ name }) => name === 'web');
  const [edge] = edges;
  assert.equal(node?.health, 'failing');
  assert.equal(edge?.health, node.health);
  assert.equal(edge.sentence, node.sentence);
});

test('a rollout that is under way is on its node, and one that is no good says so', () => {
  const { state } = play(firstRollout().slice(0, 1));
  const [starting] = graph({}, { services: [state] }).nodes.slice(1);
  assert.equal(starting?.rollout?.id, state.rollout?.id);
  assert.ok(state.rollout !== null);
  const cause = { kind: 'gate-failed', sentence: 'worse', atMs: 1 } as const;
  const rollout = { ...state.rollout, phase: { kind: 'rolled-back', atMs: 1, cause } } as const;
  const [back] = graph({}, { services: [{ ...state, rollout }] }).nodes.slice(1);
  assert.equal(back?.health, 'degraded');
  assert.match(back.sentence ?? '', /worse/);
});

test('nobody sees what is not theirs, deleted, or of another namespace', () => {
  const sees = (name: string | null): boolean => name !== 'payments';
  assert.deepEqual(namesOf(graph({}, { sees })), ['checkout', 'mail', 'web']);
  assert.deepEqual(namesOf(graph({ namespace: 'other' })), []);
  assert.equal(namesOf(graph({ namespace: 'default' })).length, 4);
  const services = shop.map((each) => ({ ...each, isDeleted: each.name === 'web' }));
  assert.deepEqual(namesOf(graph({}, { services })), ['checkout', 'payments']);
});

test('of 10,000 services as many as asked for are given, problems first, and the rest counted', () => {
  const services = Array.from({ length: 10_000 }, (_, index) => named(`s${index}`));
  const seen = graph({ limit: '50' }, { services, meter: flowing({ s7777: [0, 100] }) });
  assert.equal(namesOf(seen).length, 50);
  assert.equal(namesOf(seen)[0], 's7777');
  assert.equal(seen.omittedCount, 9_950);
});
