/** The checks of the console's tests find what they are there for, in a page that has all of it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { waitFor } from '../../e2e/world.fixture.ts';
import { violationsOf } from './accessibility.fixture.ts';
import { GuardedPage, startChromium } from './chromium.fixture.ts';

const pages: Readonly<Record<string, string>> = {
  '/clean': '',
  '/error': '<script>console.error("planted error")</script>',
  '/exception': '<script>setTimeout(() => { throw new Error("planted exception") })</script>',
  '/inline': '<script>document.title = "it ran"</script>',
  '/missing': '<img src="/not-there.png" alt="nothing">',
  '/stranger': '<img src="http://127.0.0.2:9/x.png" alt="nothing">',
  '/pale': '<p style="color: #ccc; background: #fff">Hard to read</p><button></button>',
};

describe('what the checks of the console find', () => {
  let browser: Browser;
  let server: Server;
  let origin: string;

  before(async () => {
    browser = await startChromium();
    server = createServer(({ url = '' }, response) => {
      const body = pages[url];
      if (url === '/inline') response.setHeader('content-security-policy', "script-src 'self'");
      response.setHeader('content-type', 'text/html');
      if (body === undefined && url !== '/favicon.ico') response.statusCode = 404;
      const head = '<meta charset="utf-8"><title>A page</title>';
      response.end(
        `<!doctype html><html lang="en"><head>${head}</head><body><main><h1>A page</h1>${body ?? ''}</main></body></html>`,
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  });

  const planted = [
    ['an error in the console', '/error', /planted error/],
    ['an exception that nobody caught', '/exception', /planted exception/],
    ['a script that the security policy stops', '/inline', /Content Security Policy/],
    ['a file that is not there', '/missing', /404/],
    ['a request to anybody else', '/stranger', /a request left for http:\/\/127\.0\.0\.2:9/],
  ] as const;
  for (const [what, path, trouble] of planted) {
    test(`${what} is found`, async () => {
      await using window = await GuardedPage.open(browser, { origin });
      await window.page.goto(path);
      const found: string[] = [];
      await waitFor(what, () => {
        found.push(...window.takeTroubles());
        return found.some((each) => trouble.test(each));
      });
    });
  }

  test('a page without any of it is clean', async () => {
    await using window = await GuardedPage.open(browser, { origin });
    await window.page.goto('/clean');
    assert.deepEqual(await violationsOf(window.page), []);
    window.assertClean();
  });

  test('what is hard to read and what has no name is found', async () => {
    await using window = await GuardedPage.open(browser, { origin });
    await window.page.goto('/pale');
    const rules = (await violationsOf(window.page)).map((each) => each.split(' ')[0] ?? '');
    assert.deepEqual(new Set(rules), new Set(['button-name', 'color-contrast']));
  });
});
