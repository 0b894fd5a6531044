import { GatewayClient } from '../../adapters/gateway/gateway-client.ts';
import { testMetricsSource } from '../../ports/metrics-source.contract.ts';
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
