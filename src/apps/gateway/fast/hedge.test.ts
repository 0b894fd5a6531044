import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import {
  type RetryPolicy,
  usualRetries,
} from '../../../domain/traffic/resilience/traffic-policy.ts';
import { GatewayFixture, type SendOptions, until } from '../gateway-fixture.ts';

const hedged: RetryPolicy = { ...usualRetries, hedgeAfterMs: 50 };

let fixture: GatewayFixture;
before(async () => {
  fixture = await GatewayFixture.start('fast');
});
after(() => fixture[Symbol.asyncDispose]());

/** What an instance was asked, and its answers that are still to be given. */
class Asked {
  count = 0;
  cut = 0;
  readonly held: ServerResponse[] = [];
  readonly #answer: ((response: ServerResponse) => void) | null;

  /** Null: it holds every answer back until somebody gives it. */
  constructor(answer: ((response: ServerResponse) => void) | null) {
    this.#answer = answer;
  }

  readonly listener: RequestListener = (request: IncomingMessage, response: ServerResponse) => {
    this.count += 1;
    response.on('close', () => {
      if (!response.writableFinished) this.cut += 1;
    });
    request.resume().on('end', () => {
      if (this.#answer === null) this.held.push(response);
      else this.#answer(response);
    });
  };
}

const says = (text: string) => (response: ServerResponse) => void response.end(text);

let lastId = 0;
/** The first has the first turn. */
async function routed(
  first: Asked,
  second: Asked | null,
  retries: RetryPolicy = hedged,
): Promise<string> {
  lastId += 1;
  const revisionId = `hedge-${lastId}`;
  const endpoints = [await fixture.instance(first.listener, 'first')];
  if (second !== null) endpoints.push(await fixture.instance(second.listener, 'second'));
  await fixture.route([{ revisionId, weightPercent: 100, endpoints }], { policy: { retries } });
  return revisionId;
}

test('a GET whose first instance says nothing is answered by the second, and the first one is cut', async () => {
  const [first, second] = [new Asked(null), new Asked(says('second'))];
  const revisionId = await routed(first, second);
  const { status, body } = await fixture.send();
  assert.deepEqual([status, body.toString()], [200, 'second']);
  await until(() => first.cut === 1);
  assert.deepEqual([first.count, second.count], [1, 1]);
  // The first attempt must not vanish from what the revision is judged by.
  await until(() => fixture.requests(revisionId) === 1);
  assert.equal(fixture.counted(revisionId)[5], 1);
});

test('the first instance is waited for on when the second is slower, and the second one is cut', async () => {
  const [first, second] = [new Asked(null), new Asked(null)];
  const revisionId = await routed(first, second);
  const answer = fixture.send();
  await until(() => first.held.length === 1 && second.held.length === 1);
  first.held[0]?.end('first');
  assert.equal((await answer).body.toString(), 'first');
  await until(() => second.cut === 1);
  await until(() => fixture.requests(revisionId) === 1);
  assert.equal(fixture.counted(revisionId)[1], 1);
});

test('when the first instance fails, the second is waited for, though no other attempt is allowed', async () => {
  const [first, second] = [new Asked(null), new Asked(null)];
  await routed(first, second, { ...hedged, attempts: 1, onReset: true });
  const answer = fixture.send();
  await until(() => first.held.length === 1 && second.held.length === 1);
  first.held[0]?.destroy();
  await until(() => first.cut === 1);
  second.held[0]?.end('second');
  const { status, body } = await answer;
  assert.deepEqual([status, body.toString(), first.count, second.count], [200, 'second', 1, 1]);
});

test('when the second instance fails, the first is waited for', async () => {
  const [first, second] = [new Asked(null), new Asked((response) => response.destroy())];
  await routed(first, second);
  const answer = fixture.send();
  await until(() => second.cut === 1 && first.held.length === 1);
  first.held[0]?.end('first');
  assert.equal((await answer).body.toString(), 'first');
});

const notHedged: readonly (readonly [name: string, request: SendOptions, retries: RetryPolicy])[] =
  [
    ['a PUT, which is not safe', { method: 'PUT' }, hedged],
    ['a GET with a body', { headers: { 'content-length': '1' }, body: 'x' }, hedged],
    ['a GET beyond the budget', {}, { ...hedged, budgetPercent: 0, minPerSecond: 0 }],
    ['a GET of a service that does not ask for it', {}, usualRetries],
  ];
for (const [name, request, retries] of notHedged) {
  test(`${name} is sent to one instance only`, async () => {
    const [first, second] = [new Asked(null), new Asked(says('second'))];
    await routed(first, second, retries);
    const answer = fixture.send(request);
    await until(() => first.held.length === 1);
    // Set later than a hedge's own would be, so it comes later; and what is sent after it arrives after a hedge.
    await new Promise((resolve) => setTimeout(resolve, hedged.hedgeAfterMs));
    assert.equal((await fixture.send({ path: '/after' })).body.toString(), 'second');
    first.held[0]?.end('first');
    assert.equal((await answer).body.toString(), 'first');
    assert.equal(second.count, 1);
  });
}
