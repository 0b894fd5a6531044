/** docs/openapi.json is what the server says of itself; TIDEGATE_REWRITE=1 writes it anew, and the client's types with it. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { type ApiDocument, clientSource } from '../../../api/client/client-source.ts';
import { httpServer } from './http-server.ts';
import type { ServerParts } from '../server-parts.ts';

const file = new URL('../../../../docs/openapi.json', import.meta.url);
const client = new URL('../../../api/client/generated/', import.meta.url);

/** No route is asked, so the parts that would answer are not needed. */
const parts = { version: '1', access: {}, signal: new AbortController().signal };

async function described(): Promise<string> {
  const http = await httpServer(parts as unknown as ServerParts);
  await http.ready();
  const text = `${JSON.stringify(http.swagger(), null, 1)}\n`;
  await http.close();
  return text;
}

async function rewrite(text: string): Promise<void> {
  await writeFile(file, text);
  for (const [name, source] of Object.entries(clientSource(JSON.parse(text) as ApiDocument))) {
    await writeFile(new URL(name, client), source);
  }
}

test('docs/openapi.json is what the server says of itself', async () => {
  const text = await described();
  if (process.env['TIDEGATE_REWRITE'] === '1') await rewrite(text);
  // Compared as a whole, the two would be a hundred thousand lines of difference.
  const isSame = (await readFile(file, 'utf8')) === text;
  assert.ok(
    isSame,
    'the API has changed: TIDEGATE_REWRITE=1 node --test on this file, and read what git diff shows',
  );
});
