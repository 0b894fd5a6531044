/** A witness as a program; `tidegate witness` starts it. One state folder, one key, HTTP on 127.0.0.1 unless told otherwise. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { openNoteSigner } from '../../adapters/system/note-signing-key.ts';
import { SystemClock } from '../../adapters/system/system-clock.ts';
import { checkName, formatVkey, noteKey } from '../../domain/evidence/note-key.ts';
import { witnessServer } from './witness-server.ts';
import { WitnessStore } from './witness-store.ts';

const usage =
  'usage: tidegate witness --log VKEY... [--state DIR] [--name NAME] [--listen 127.0.0.1:7490]';
const keyFile = 'witness-key-ml-dsa-44.pem';

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  const { values } = parseArgs({
    options: {
      log: { type: 'string', multiple: true, default: [] },
      state: { type: 'string', default: defaultState() },
      name: { type: 'string' },
      listen: { type: 'string', default: '127.0.0.1:7490' },
    },
  });
  const { host, port } = addressOf(values.listen);
  const folder = resolve(values.state);
  using store = await WitnessStore.open(folder);
  for (const vkey of values.log) store.addKey(vkey);
  if (store.origins().length === 0) {
    throw new Error(
      'it knows no log yet; give the keys of one with --log (tidegate ledger keys prints them)',
    );
  }
  const signer = await openNoteSigner(folder, keyFile, 'cosignature-ml-dsa-44');
  const name = values.name ?? defaultName(signer.publicKey);
  checkName(name);
  const server = witnessServer({
    name,
    store,
    signer,
    clock: new SystemClock({ notBeforeMs: 0 }),
    log,
  });
  const url = await listening(server, host, port);
  const vkey = formatVkey(noteKey(name, signer.type, signer.publicKey));
  process.stdout.write(`witness ${name.replaceAll(/[^\w.-]/g, '-')} ${vkey} ${url}\n`);
  log('listening', { url, state: folder, logs: store.origins() });
  if (!stop.signal.aborted) await once(stop.signal, 'abort');
  server.close();
  server.closeAllConnections();
  log('stopped', {});
}

async function listening(server: Server, host: string, port: number): Promise<string> {
  server.listen(port, host);
  await once(server, 'listening');
  const { port: bound } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
}

/** Other witnesses have other keys, so two that nobody named are not mistaken for each other. */
function defaultName(publicKey: Uint8Array): string {
  return `tidegate-witness/${Buffer.from(publicKey.subarray(0, 6)).toString('hex')}`;
}

function defaultState(): string {
  const home = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  return join(home, 'tidegate-witness');
}

function addressOf(text: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[(?<six>[0-9a-f:]+)\]|(?<host>[^:]+)):(?<port>\d{1,5})$/i.exec(text)?.groups;
  const port = Number(found?.['port']);
  const host = found?.['six'] ?? found?.['host'];
  if (host === undefined || port > 65_535) {
    throw new Error(`--listen ${text}: must be HOST:PORT, as 127.0.0.1:7490`);
  }
  return { host, port };
}

function log(message: string, fields: object): void {
  process.stderr.write(
    `${JSON.stringify({ time: new Date().toISOString(), message, ...fields })}\n`,
  );
}

main().catch((error: unknown) => {
  const said = error instanceof Error ? error : new Error(String(error));
  const isUsage = 'code' in said && String(said.code).startsWith('ERR_PARSE_ARGS');
  process.stderr.write(
    `error: the witness cannot run: ${said.message}\n${isUsage ? `${usage}\n` : ''}`,
  );
  process.exitCode = isUsage ? 2 : 1;
});
