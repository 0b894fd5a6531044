/** The control plane as a program: `node main.js --state DIR [options]`; docs/guides/gateway.md has those of the gateway. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { workerCountOf } from '../../adapters/gateway/worker-count.ts';
import type { LedgerPlaceWish } from '../../adapters/system/ledger-place.ts';
import { type DefaultAccess, defaultAccesses } from './default-access.ts';
import { type WitnessSettings, witnessModes } from './ledger/evidence-desk.ts';
import type { Address, ServerOptions } from './server-options.ts';
import { runServer } from './server.ts';

const usage = `usage: main --state DIR [--listen 127.0.0.1:7480] [--gateway-listen 127.0.0.1:7400] [--gateway-metrics 127.0.0.1:7401|off] [--flags-listen 127.0.0.1:7402|off] [--workers N|auto] [--zone NAME] [--cgroup auto|off|FOLDER] [--gateway-limit NAME=NUMBER] [--otlp URL] [--redis-url-file FILE] [--access-log FILE] [--access-log-sample RATIO] [--access-log-query] [--witnesses FILE] [--witness-mode require|warn|off] [--store URL | --store-url-file FILE] [--cdevents-sink URL|off | --cdevents-sink-file FILE] [--cdevents-environment NAME] [--environment NAME] [--default-authorization allow|deny] [--policies FOLDER|off] [--oidc FILE|off] [--public-url URL] [--h2c] [--tls-listen HOST:PORT [--tls-identity] [--tls-folder DIR] [--tls-default NAME]]`;

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stop.abort(new Error(`received ${name}`)));
  }
  // The terminal that started it may close; the server stays.
  process.on('SIGHUP', () => log('info', 'ignored SIGHUP'));
  await runServer(await readOptions(), stop.signal);
  log('info', 'stopped');
}

const flags = {
  state: { type: 'string' },
  listen: { type: 'string', default: '127.0.0.1:7480' },
  'gateway-listen': { type: 'string', default: '127.0.0.1:7400' },
  'gateway-metrics': { type: 'string', default: '127.0.0.1:7401' },
  'flags-listen': { type: 'string', default: '127.0.0.1:7402' },
  'gateway-limit': { type: 'string', multiple: true, default: [] },
  otlp: { type: 'string' },
  'redis-url-file': { type: 'string' },
  'access-log': { type: 'string' },
  'access-log-sample': { type: 'string' },
  'access-log-query': { type: 'boolean', default: false },
  workers: { type: 'string' },
  zone: { type: 'string' },
  cgroup: { type: 'string' },
  witnesses: { type: 'string' },
  'witness-mode': { type: 'string' },
  store: { type: 'string' },
  'store-url-file': { type: 'string' },
  'blob-quota-bytes': { type: 'string' },
  'blob-retention-days': { type: 'string' },
  'cdevents-sink': { type: 'string' },
  'cdevents-sink-file': { type: 'string' },
  'cdevents-environment': { type: 'string' },
  environment: { type: 'string' },
  policies: { type: 'string' },
  oidc: { type: 'string' },
  'public-url': { type: 'string' },
  h2c: { type: 'boolean', default: false },
  'default-authorization': { type: 'string' },
  'tls-listen': { type: 'string' },
  'tls-folder': { type: 'string' },
  'tls-default': { type: 'string' },
  'tls-identity': { type: 'boolean', default: false },
} satisfies ParseArgsConfig['options'];

async function readOptions(): Promise<ServerOptions> {
  const { values } = parseArgs({ options: flags });
  const metrics = values['gateway-metrics'];
  const flagsListen = values['flags-listen'];
  // Checked by the gateway, which says what is wrong with them.
  const handedOn = {
    '--otlp': values.otlp,
    '--redis-url-file': values['redis-url-file'],
    '--access-log': absolute(values['access-log']) ?? undefined,
    '--access-log-sample': values['access-log-sample'],
    '--zone': values.zone,
    '--tls-listen': values['tls-listen'],
    '--tls-folder': absolute(values['tls-folder']) ?? undefined,
    '--tls-default': values['tls-default'],
  };
  const limits = values['gateway-limit'].flatMap((limit) => ['--limit', limit]);
  const fallback = join(homedir(), '.local', 'state', 'tidegate');
  return {
    stateFolder: resolve(values.state ?? fallback),
    listen: addressOf(values.listen, '--listen'),
    gatewayListen: addressOf(values['gateway-listen'], '--gateway-listen'),
    gatewayAdmin: metrics === 'off' ? null : addressOf(metrics, '--gateway-metrics'),
    gatewayFlags: flagsListen === 'off' ? null : addressOf(flagsListen, '--flags-listen'),
    gatewayArguments: [
      ...given(handedOn),
      ...limits,
      ...(values['access-log-query'] ? ['--access-log-query'] : []),
      ...(values.h2c ? ['--h2c'] : []),
      ...(values['tls-identity'] ? ['--tls-identity'] : []),
    ],
    workers: workersOf(values.workers),
    version: await readVersion(),
    tickMs: 100,
    environmentName: values.environment ?? null,
    environment: process.env,
    cgroups: cgroupWish(values.cgroup),
    witnesses: await witnessSettings(values.witnesses, values['witness-mode']),
    blobs: blobSettings(values['blob-quota-bytes'], values['blob-retention-days']),
    ledger: ledgerWish(values.store, values['store-url-file']),
    cdEvents: cdEventWish(values),
    defaultAccess: accessOf(values['default-authorization']),
    policies: pathWish(values.policies),
    oidc: pathWish(values.oidc),
    publicUrl: publicUrlOf(values['public-url']),
    log,
  };
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

/** Null: not said, so the gateway is one process, or what it is already. */
function workersOf(text: string | undefined): number | 'auto' | null {
  if (text === undefined) return null;
  const count = workerCountOf(text);
  if (count === null) throw new Error(`--workers ${text}: must be 1 to 64, or auto`);
  return text === 'auto' ? text : count;
}

/** Flags with their values, of those that were said. */
function given(flags: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(flags).flatMap(([flag, value]) => {
    return value === undefined ? [] : [flag, value];
  });
}

function cgroupWish(text: string | undefined): ServerOptions['cgroups'] {
  if (text === undefined || text === 'auto' || text === 'off') return text ?? 'auto';
  if (text.startsWith('/')) return { folder: text };
  throw new Error(`--cgroup ${text}: must be auto, off, or the full path of a cgroup v2`);
}

/** Null: not said. */
function accessOf(text: string | undefined): DefaultAccess | null {
  if (text === undefined) return null;
  const known = defaultAccesses.find((each) => each === text);
  if (known !== undefined) return known;
  throw new Error(`--default-authorization ${text}: must be one of ${defaultAccesses.join(', ')}`);
}

/** Only what was said. */
function blobSettings(quota: string | undefined, retention: string | undefined) {
  return {
    ...(quota === undefined ? {} : { quotaBytes: wholeOf('--blob-quota-bytes', quota) }),
    ...(retention === undefined
      ? {}
      : { retentionDays: wholeOf('--blob-retention-days', retention) }),
  };
}

function wholeOf(flag: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Error(`${flag} ${text}: must be a whole number from 0 on`);
}

/** Null: nothing was said, so what was said last stays. */
async function witnessSettings(
  file: string | undefined,
  mode: string | undefined,
): Promise<WitnessSettings | null> {
  if (file === undefined && mode === undefined) return null;
  const known = witnessModes.find((each) => each === (mode ?? 'require'));
  if (known === undefined) {
    throw new Error(`--witness-mode ${mode}: must be one of ${witnessModes.join(', ')}`);
  }
  return { mode: known, policy: file === undefined ? '' : await readFile(resolve(file), 'utf8') };
}

/** The URL leaves this process's environment with it: nothing started from here, such as the gateway, gets to see it. */
function ledgerWish(url: string | undefined, urlFile: string | undefined): LedgerPlaceWish {
  const environmentUrl = process.env['TIDEGATE_STORE_URL'];
  delete process.env['TIDEGATE_STORE_URL'];
  return {
    url: url ?? null,
    urlFile: absolute(urlFile),
    environmentUrl: environmentUrl === undefined || environmentUrl === '' ? null : environmentUrl,
  };
}

function cdEventWish(values: {
  readonly 'cdevents-sink'?: string | undefined;
  readonly 'cdevents-sink-file'?: string | undefined;
  readonly 'cdevents-environment'?: string | undefined;
  readonly environment?: string | undefined;
}): ServerOptions['cdEvents'] {
  return {
    sink: values['cdevents-sink'] ?? null,
    sinkFile: absolute(values['cdevents-sink-file']),
    environment: values['cdevents-environment'] ?? values.environment ?? null,
  };
}

function pathWish(path: string | undefined): string | null {
  return path === 'off' ? path : absolute(path);
}

/** Null: not said. */
function publicUrlOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) {
    return url.origin;
  }
  throw new Error(
    `--public-url ${text}: must be http or https, host and port, as https://tidegate.example`,
  );
}

function absolute(path: string | undefined): string | null {
  return path === undefined ? null : resolve(path);
}

function addressOf(text: string, flag: string): Address {
  const found = /^(?:\[(?<six>[0-9a-f:]+)\]|(?<host>[^:]+)):(?<port>\d{1,5})$/i.exec(text)?.groups;
  const port = Number(found?.['port']);
  const host = found?.['six'] ?? found?.['host'];
  if (host === undefined || port > 65_535) {
    throw new Error(`${flag} ${text}: must be HOST:PORT, as 127.0.0.1:7480`);
  }
  return { host, port };
}

function log(level: 'info' | 'error', message: string, fields: object = {}): void {
  const line = { time: new Date().toISOString(), level, message, ...fields };
  process.stderr.write(`${JSON.stringify(line)}\n`);
}

main().catch((error: unknown) => {
  const said = error instanceof Error ? error : new Error(String(error));
  const isUsage = 'code' in said && String(said.code).startsWith('ERR_PARSE_ARGS');
  log(
    'error',
    said.message,
    isUsage ? { usage } : { code: 'code' in said ? said.code : undefined },
  );
  process.exitCode = isUsage ? 2 : 1;
});
