import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fastify, { type FastifyInstance } from 'fastify';
import { addConsole, consoleUrl } from './http-console.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-console-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function serverOf(files: string): Promise<FastifyInstance> {
  const http = fastify({ rewriteUrl: consoleUrl });
  await addConsole(http, files);
  http.get('/v1/known', async () => ({ is: 'the API' }));
  return http;
}

async function builtFolder(): Promise<string> {
  const files = join(folder, 'built');
  await mkdir(join(files, 'assets'), { recursive: true });
  await writeFile(join(files, 'index.html'), '<!doctype html><title>Tidegate</title>');
  await writeFile(join(files, 'assets', 'a-1234.js'), 'export {};');
  await writeFile(join(files, 'assets', 'a-1234.js.gz'), gzipSync('export {};'));
  await writeFile(join(folder, 'outside.txt'), 'nobody may read this');
  return files;
}

test('every address but those of the API is the one page of the console', async () => {
  const http = await serverOf(await builtFolder());
  const views = ['/', '/rollouts', '/rollouts/shop-3?tab=logs', '/services/v1', '/login', '/a.b'];
  for (const url of views) {
    const answer = await http.inject({ url, headers: { accept: 'text/html' } });
    assert.equal(answer.statusCode, 200, url);
    assert.match(answer.body, /<title>Tidegate/, url);
    assert.equal(answer.headers['cache-control'], 'no-cache');
    assert.match(String(answer.headers['content-security-policy']), /script-src 'self'; style/);
    assert.doesNotMatch(String(answer.headers['content-security-policy']), /unsafe/);
  }
  assert.equal((await http.inject('/v1/known')).body, '{"is":"the API"}');
  for (const url of ['/v1', '/v1/unknown', '/v2/x', '/metrics', '/assets/none.js']) {
    assert.equal((await http.inject(url)).statusCode, 404, url);
  }
  const written = await http.inject({ method: 'POST', url: '/rollouts' });
  assert.equal(written.statusCode, 404);
});

test('hashed files are kept for a year, compressed where the browser can read it, and known again by their tag', async () => {
  const http = await serverOf(await builtFolder());
  const url = '/assets/a-1234.js';
  const plain = await http.inject(url);
  assert.equal(plain.body, 'export {};');
  assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.match(String(plain.headers['content-type']), /javascript/);
  const zipped = await http.inject({ url, headers: { 'accept-encoding': 'gzip' } });
  assert.equal(zipped.headers['content-encoding'], 'gzip');
  const etag = String((await http.inject('/rollouts')).headers['etag']);
  const again = await http.inject({ url: '/timeline', headers: { 'if-none-match': etag } });
  assert.equal(again.statusCode, 304);
});

test('nothing beside the build is sent', async () => {
  const http = await serverOf(await builtFolder());
  const paths = ['../outside.txt', '..%2f..%2foutside.txt', '%2e%2e/%2e%2e/outside.txt', '../../x'];
  for (const path of paths) {
    const { statusCode, body } = await http.inject(`/assets/${path}`);
    assert.doesNotMatch(body, /nobody may read/, path);
    assert.ok(statusCode >= 400 || /Tidegate/.test(body), path);
  }
});

test('a server without a built console says how to build one', async () => {
  const http = await serverOf(join(folder, 'nowhere'));
  const answer = await http.inject('/');
  assert.equal(answer.statusCode, 404);
  assert.match(String(answer.headers['content-type']), /text\/plain/);
  assert.match(answer.body, /npm run build:console/);
});
