import { GatewayClient } from '../../adapters/gateway/gateway-client.ts';
import { testMetricsSource } from '../../ports/metrics-source.contract.ts';
import { testTrafficRouter } from '../../ports/traffic-router.contract.ts';
import { engines, GatewayFixture } from './gateway-fixture.ts';

for (const engine of engines) {
  testTrafficRouter(`gateway, engine ${engine}`, async () => {
    const fixture = await GatewayFixture.start(engine);
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

  testMetricsSource(`gateway, engine ${engine}`, async () => {
    const fixture = await GatewayFixture.start(engine);
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
