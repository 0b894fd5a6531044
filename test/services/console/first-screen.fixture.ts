import { request } from 'undici';
import { gzipSync } from 'node:zlib';
import type { Response } from 'playwright-core';
import type { GuardedPage } from './chromium.fixture.ts';

export interface FirstScreen {
  /** The page, its scripts, styles and pictures. */
  readonly files: number;
  /** Of the files as the server sends them with gzip, and of the answers of its API, which it does not compress, by gzip as well. */
  readonly gzipBytes: number;
  readonly answersGzipBytes: number;
}

/** Loads the table of rollouts anew, and weighs all that the browser has asked for until it is shown. */
export async function firstScreen(
  { page, origin }: GuardedPage,
  token: string,
): Promise<FirstScreen> {
  const urls = new Set<string>();
  const listen = (response: Response): void => void urls.add(response.url());
  page.on('response', listen);
  await page.goto('/rollouts');
  await page.getByRole('row').nth(1).waitFor();
  await page.getByRole('status').filter({ hasText: /^live/ }).waitFor();
  page.off('response', listen);
  let files = 0;
  let gzipBytes = 0;
  let answersGzipBytes = 0;
  for (const url of urls) {
    const { pathname, searchParams } = new URL(url, origin);
    if (searchParams.get('follow') === 'true') continue;
    const headers = { 'accept-encoding': 'gzip', authorization: `Bearer ${token}` };
    const answer = await request(url, { headers });
    const body = Buffer.from(await answer.body.arrayBuffer());
    const isGzip = answer.headers['content-encoding'] === 'gzip';
    const bytes = isGzip ? body.length : gzipSync(body).length;
    gzipBytes += bytes;
    if (pathname.startsWith('/v1/')) answersGzipBytes += bytes;
    else files += 1;
  }
  return { files, gzipBytes, answersGzipBytes };
}
