/**
 * A service that asks for its flag with the SDK of OpenFeature, as docs/guides/flags.md shows it. It answers its version and what
 * the flag gives. With LAST, it ends only when it is told that.
 */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { OFREPProvider } from '@openfeature/ofrep-provider';
import { type EvaluationContext, OpenFeature } from '@openfeature/server-sdk';

const { VERSION = '', LAST, PORT, OFREP_ENDPOINT = '', OFREP_HEADERS = '' } = process.env;

const provider = new OFREPProvider({
  baseUrl: OFREP_ENDPOINT,
  headers: OFREP_HEADERS.split(',').map((header): [string, string] => {
    const [name = '', value = ''] = header.split('=');
    return [name, value];
  }),
});
await OpenFeature.setProviderAndWait(provider);
const client = OpenFeature.getClient();

async function seen(context: EvaluationContext = {}): Promise<string> {
  const found = await client.getBooleanDetails('new-checkout', false, context);
  return found.errorCode ?? `${found.variant}=${found.value}`;
}

async function note(what: string): Promise<void> {
  appendFileSync('seen', `${VERSION} ${what} ${await seen()}\n`);
}

// Before it is ready: an instance may need its flags to begin with.
await note('begins');
createServer((request, response) => {
  if (request.url === '/readyz') {
    response.end('ok');
    return;
  }
  const country = request.headers['x-country'];
  void seen(typeof country === 'string' ? { country } : {}).then((text) => {
    response.end(JSON.stringify({ version: `${VERSION} ${text}` }));
  });
}).listen(Number(PORT), '127.0.0.1');
process.once('SIGTERM', () => {
  void (async () => {
    let told = await seen();
    while (told !== (LAST ?? told)) {
      await sleep(20);
      told = await seen();
    }
    await note('ends');
    process.exit();
  })();
});
