import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { GatewayClient } from '../../adapters/gateway/gateway-client.ts';
import { testMetricsSource } from '../../ports/metrics-source.contract.ts';
import {
  testUnderWaySource,
  type UnderWayUnderTest,
} from '../../ports/under-way-source.contract.ts';
import { testTrafficRouter } from '../../ports/traffic-router.contract.ts';
import type { EngineKind } from './engine-kind.ts';
import { GatewayFixture } from './gateway-fixture.ts';

/** What every router and every source of samples must do, asked of a gateway. */
export function testGateway(engine: EngineKind, workers: number): void {
  const name = `gateway, engine ${engine}, workers ${workers}`;
  testTrafficRouter(name, async () => {
    const fixture = await GatewayFixture.start(engine, { workers });
    const r1 = await fixture.instance((_request, response) => response.end('r1'));
    const r2 = await fixture.instance((_request, response) => response.end('r2'));
    return {
      router: fixture.client,
      endpoints: (revisionId) => [revisionId === 'r1' ? r1 : r2],
      observe: () => new GatewayClient({ socketPath: fixture.process.file.controlSocket }),
      send: async (requests) => {
        const revisions: string[] = [];
        for (let sent = 0; sent < requests; sent += 1) {
          const { headers } = await fixture.send({ host: 'contract.localhost' });
          revisions.push(String(headers['x-tidegate-revision']));
        }
        return revisions;
      },
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    };
  });

  testUnderWaySource(name, () => holding(engine, workers));

  testMetricsSource(name, async () => {
    const fixture = await GatewayFixture.start(engine, { workers });
    const r1 = await fixture.instance((_request, response) => response.end('r1'));
    const r2 = await fixture.instance((_request, response) => response.writeHead(500).end('r2'));
    await fixture.route(
      [
        { revisionId: 'r1', weightPercent: 50, endpoints: [r1] },
        { revisionId: 'r2', weightPercent: 50, endpoints: [r2] },
      ],
      { service: 'contract' },
    );
    return {
      source: fixture.client,
      send: async (requests) => {
        await Promise.all(Array.from({ length: requests }, () => fixture.send()));
      },
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    };
  });
}

/** Two revisions of one instance each, which keep their requests; a header says which. */
async function holding(engine: EngineKind, workers: number): Promise<UnderWayUnderTest> {
  const fixture = await GatewayFixture.start(engine, { workers });
  const waiting = { a: [] as ServerResponse[], b: [] as ServerResponse[] };
  // A request is under way before its instance has it: what comes after the word to answer is answered as well.
  const isAnswering = { a: false, b: false };
  const sent: Promise<unknown>[] = [];
  const keep = async (of: 'a' | 'b') => {
    const endpoint = await fixture.instance((_request, response) => {
      if (isAnswering[of]) response.end();
      else waiting[of].push(response);
    });
    return { ...endpoint, instanceId: of };
  };
  const backendOf = async (id: 'a' | 'b') => {
    return { revisionId: id, weightPercent: 50, endpoints: [await keep(id)] };
  };
  const backends = [await backendOf('a'), await backendOf('b')];
  const matches = (['a', 'b'] as const).map((value) => {
    return { header: { name: 'x-to', value }, revisionId: value };
  });
  await fixture.route(backends, { matches });
  return {
    source: fixture.client,
    begin: (to, requests) => {
      for (let count = 0; count < requests; count += 1) {
        sent.push(fixture.sendAnew({ headers: { 'x-to': to } }));
      }
    },
    answer: (of) => {
      isAnswering[of] = true;
      for (const response of waiting[of]) response.end();
    },
    pass: () => delay(20),
    [Symbol.asyncDispose]: async () => {
      await Promise.allSettled(sent);
      await fixture[Symbol.asyncDispose]();
    },
  };
}
