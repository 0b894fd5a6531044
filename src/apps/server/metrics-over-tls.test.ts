import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createPlain, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { test } from 'node:test';
import { clockOfTests as clock, StateFolder } from '../../adapters/authority/authority.fixture.ts';
import { SvidKeeper } from '../../adapters/authority/svid-keeper.ts';
import { readFile } from 'node:fs/promises';
import { PrometheusTextMetrics } from '../../adapters/prometheus-text/prometheus-text-metrics.ts';
import { InstanceMetricsError } from '../../ports/instance-metrics.ts';

const never = new AbortController().signal;
const timeoutMs = 60_000;

/** Publishes a gauge, and who has asked for it. */
class Instance implements AsyncDisposable {
  readonly server: Server;
  callers: string[] = [];

  constructor(tls: { readonly cert: string; readonly key: string; readonly ca: string } | null) {
    const answer: RequestListener = ({ socket }, response) => {
      const peer = (socket as Partial<TLSSocket>).getPeerX509Certificate?.();
      this.callers.push(peer?.subjectAltName ?? 'nobody');
      response.setHeader('content-type', 'text/plain').end('queue 7\n');
    };
    this.server =
      tls === null
        ? createPlain(answer)
        : createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, answer);
  }

  async listen(): Promise<number> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    await once(this.server, 'close');
  }
}

async function instanceOf(keeper: SvidKeeper, service: string): Promise<Instance> {
  const variables = await keeper.grant({ instanceId: `${service}-1`, service });
  const file = (name: string): Promise<string> => readFile(variables[name] ?? '', 'utf8');
  const [cert, key, ca] = await Promise.all(
    ['TIDEGATE_SVID', 'TIDEGATE_SVID_KEY', 'TIDEGATE_TRUST_BUNDLE'].map(file),
  );
  return new Instance({ cert: cert ?? '', key: key ?? '', ca: ca ?? '' });
}

test('metrics of an instance that speaks https are read over mutual TLS, of nobody else', async () => {
  await using state = await StateFolder.make();
  const keeper = await SvidKeeper.open({ stateFolder: state.path, clock, log: () => {} });
  const metrics = new PrometheusTextMetrics({ timeoutMs, identities: keeper });
  await using own = await instanceOf(keeper, 'cart');
  await using other = await instanceOf(keeper, 'mail');
  await using plain = new Instance(null);
  const gauge = async (instance: Instance, of = metrics): Promise<readonly (number | null)[]> => {
    const at = { instanceId: 'i', host: '127.0.0.1', port: await instance.listen() };
    const endpoint = { ...at, appProtocol: 'https', identity: keeper.idOf('cart') } as const;
    const from = { endpoint, path: '/metrics' };
    try {
      return await of.readGauges(from, [{ name: 'queue', labels: {} }], never);
    } finally {
      instance.server.close();
    }
  };
  assert.deepEqual(await gauge(own), [7]);
  assert.deepEqual(own.callers, ['URI:spiffe://tidegate.local/ns/tidegate/sa/server']);
  await assert.rejects(gauge(other), isUnreachable(/is not of spiffe:.*\/sa\/cart/));
  await assert.rejects(gauge(plain), isUnreachable(/failed/));
  await using again = await instanceOf(keeper, 'cart');
  await assert.rejects(
    gauge(again, new PrometheusTextMetrics({ timeoutMs })),
    isUnreachable(/needs a certificate/),
  );
  assert.deepEqual([...other.callers, ...plain.callers, ...again.callers], []);
});

function isUnreachable(message: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof InstanceMetricsError);
    assert.equal(error.code, 'unreachable');
    assert.match(error.message, message);
    return true;
  };
}
