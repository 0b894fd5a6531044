import assert from 'node:assert/strict';
import { request } from 'node:http';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { usualCallerLimits } from '../caller-limits.ts';
import { Counters } from '../counters.ts';
import { FastEngine } from '../fast/fast-engine.ts';
import { SecondOpinion } from '../http1/second-opinion.ts';
import { LiveRoutes } from '../live-routes.ts';
import { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import { MtlsFixture, serviceId } from './mtls.fixture.ts';

/** Through a gateway before `fixture`'s, that takes it for an instance of this identity. */
async function through(fixture: MtlsFixture, identity: string) {
  const routes = new LiveRoutes(new Counters(), [1, 2]);
  const parts = { metrics: new GatewayMetrics(), identity: fixture.identity, accessLog: null };
  const opinion = new SecondOpinion();
  const shared = { ...parts, callerLimits: usualCallerLimits, opinion };
  const engine = new FastEngine(routes, shared, { isH2cTaken: false, tls: null });
  const { port } = await engine.listen({ host: '127.0.0.1', port: 0 });
  const place = { instanceId: 'gateway-b', host: '127.0.0.1', port: fixture.tlsPort };
  const endpoints = [{ ...place, appProtocol: 'https', identity } as const];
  const route = {
    service: 'svc',
    host: 'svc.localhost',
    requestTimeoutMs: 60_000,
    backends: [{ revisionId: 'r1', weightPercent: 100, endpoints }],
    matches: [],
    policy: { mtls: { mode: 'permissive' } as const },
  };
  routes.apply({ version: 1, routes: [route] });
  engine.routesChanged();
  const headers = { host: 'svc.localhost' };
  const outgoing = request({ host: '127.0.0.1', port, headers, agent: false });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString();
  await engine.drain(0);
  return { status: response.statusCode, text };
}

test('a gateway that comes through another one is known there, and knows it', async () => {
  await using fixture = await MtlsFixture.start();
  const own = fixture.identity.own?.svid.id.text ?? '';
  const instance = await fixture.instance(await fixture.issue({ id: serviceId }));
  const principals = [own.slice('spiffe://'.length)];
  const source = { principals, namespaces: [], ipBlocks: [] };
  const rule = { name: 'gateways', action: 'ALLOW', from: [source], to: [], when: [] } as const;
  fixture.route('strict', [instance], { authorization: { mode: 'enforce', rules: [rule] } });
  const served = await through(fixture, own);
  assert.equal(served.status, 200, served.text);
  const stranger = await fixture.secure(await fixture.issue());
  assert.deepEqual([stranger.status, stranger.reason], [403, 'forbidden']);
  // One that shows another identity than a gateway's is asked nothing.
  const wrong = await through(fixture, serviceId.text);
  assert.equal(wrong.status, 502);
  assert.match(wrong.text, /is of .*\/sa\/gateway, and not of .*\/sa\/svc/);
});
