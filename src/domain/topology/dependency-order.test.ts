import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { dependencyOrder } from './dependency-order.ts';

const seed = 20_261_120;
type Graph = Map<string, string[]>;

function graphOf(edges: Readonly<Record<string, readonly string[]>>): Graph {
  return new Map(Object.entries(edges).map(([name, dependencies]) => [name, [...dependencies]]));
}

test('small graphs have their order or their cycle', () => {
  const order = (...names: string[]) => ({ kind: 'order', names });
  const cycle = (...cycle: string[]) => ({ kind: 'cycle', cycle });
  const rows = [
    [{}, order()],
    [
      { web: ['checkout'], checkout: ['payments'], payments: [] },
      order('payments', 'checkout', 'web'),
    ],
    [{ b: [], a: [], c: [] }, order('b', 'a', 'c')],
    // Waves: d and a first as in the input, then what needs only them, as in the input.
    [{ x: ['a'], d: [], a: [], y: ['d'] }, order('d', 'a', 'x', 'y')],
    [
      { top: ['left', 'right'], right: ['base'], left: ['base'], base: [] },
      order('base', 'right', 'left', 'top'),
    ],
    [{ a: ['elsewhere'] }, order('a')],
    [{ a: ['b', 'b'], b: [] }, order('b', 'a')],
    [{ a: ['a'] }, cycle('a')],
    [{ web: ['checkout'], checkout: ['web'] }, cycle('web', 'checkout')],
    // The way into a cycle is no part of it.
    [{ in: ['a'], a: ['b'], b: ['c'], c: ['a'] }, cycle('a', 'b', 'c')],
    [{ a: ['free', 'b'], free: [], b: ['a', 'free'] }, cycle('a', 'b')],
    [{ constructor: ['__proto__'], toString: [] }, order('constructor', 'toString')],
  ] as const;
  for (const [edges, want] of rows) {
    assert.deepEqual(dependencyOrder(graphOf(edges)), want, JSON.stringify(edges));
  }
});

const serviceCount = 10_000;

/** A random graph in which a service depends only on services of a smaller rank, its names shuffled by `step`. */
function generate(random: () => number): { graph: Graph; names: string[] } {
  const names = Array.from(
    { length: serviceCount },
    (_, rank) => `service-${(rank * 7919) % serviceCount}`,
  );
  const lists = names.map((_, rank) => {
    const count = rank === 0 ? 0 : Math.floor(random() * 6);
    return Array.from({ length: count }, () => names[Math.floor(random() * rank)] ?? '');
  });
  const ranked = names.map((name, rank): [string, string[]] => [name, lists[rank] ?? []]);
  return { graph: new Map(ranked.toSorted(([a], [b]) => (a < b ? -1 : 1))), names };
}

/** Numerical Recipes' linear congruential generator: fair enough for graphs, and the same everywhere. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

test('10,000 services are ordered with every dependency before its dependents', () => {
  for (let run = 0; run < 2; run += 1) {
    const { graph } = generate(randomFrom(seed + run));
    const result = dependencyOrder(graph);
    assert.ok(result.kind === 'order');
    const position = new Map(result.names.map((name, index) => [name, index]));
    assert.equal(position.size, serviceCount);
    for (const [name, dependencies] of graph) {
      const own = position.get(name) ?? -1;
      for (const dependency of dependencies)
        assert.ok((position.get(dependency) ?? Infinity) < own);
    }
    assert.deepEqual(dependencyOrder(graph), result);
  }
});

test('a cycle planted among 10,000 services is found, and what is shown is one', () => {
  for (let run = 0; run < 4; run += 1) {
    const random = randomFrom(seed + run);
    const { graph, names } = generate(random);
    const length = 1 + Math.floor(random() * 40);
    const start = Math.floor(random() * (serviceCount - length));
    const planted = names.slice(start, start + length);
    for (const [index, name] of planted.entries()) {
      graph.get(name)?.push(planted[(index + 1) % length] ?? '');
    }
    const result = dependencyOrder(graph);
    assert.ok(result.kind === 'cycle');
    checkCycle(graph, result.cycle);
  }
});

test('a chain of 10,000 services is ordered without recursion', () => {
  const chain: Graph = new Map();
  for (let index = 0; index < serviceCount; index += 1) chain.set(`s${index}`, [`s${index + 1}`]);
  const result = dependencyOrder(chain);
  assert.ok(result.kind === 'order');
  assert.deepEqual([result.names[0], result.names.at(-1)], ['s9999', 's0']);
  chain.set('s9999', ['s0']);
  const closed = dependencyOrder(chain);
  assert.ok(closed.kind === 'cycle');
  assert.equal(closed.cycle.length, serviceCount);
});

test('any small graph gives an order that holds or a cycle that is one', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const lists = fc.array(fc.subarray(names), { minLength: names.length, maxLength: names.length });
  fc.assert(
    fc.property(lists, (lists) => {
      const graph: Graph = new Map(names.map((name, index) => [name, lists[index] ?? []]));
      const result = dependencyOrder(graph);
      if (result.kind === 'cycle') return checkCycle(graph, result.cycle);
      assert.deepEqual(result.names.toSorted(), names);
      for (const [index, name] of result.names.entries()) {
        const before = result.names.slice(0, index);
        assert.ok((graph.get(name) ?? []).every((dependency) => before.includes(dependency)));
      }
    }),
    { seed, numRuns: 500 },
  );
});

function checkCycle(graph: Graph, cycle: readonly string[]): void {
  assert.ok(cycle.length > 0);
  assert.equal(new Set(cycle).size, cycle.length);
  for (const [index, name] of cycle.entries()) {
    const next = cycle[(index + 1) % cycle.length] ?? '';
    assert.ok(graph.get(name)?.includes(next), `${name} -> ${next}`);
  }
}
