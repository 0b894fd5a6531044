import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  chromium,
  type ConsoleMessage,
  type Page,
  type Route,
} from 'playwright-core';

/** What a browser without a person needs, and nothing that would make it speak with anybody else. */
const browserArguments = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Long enough for a machine that has much else to do. */
export const uiTimeoutMs = 60_000;

export interface PageWish {
  /** Of the server: `http://127.0.0.1:PORT`. */
  readonly origin: string;
  readonly theme?: 'light' | 'dark';
  readonly isMotionReduced?: boolean;
  readonly size?: { readonly width: number; readonly height: number };
}

/** Debian's Chromium with a profile of its own, which is gone when it is closed. */
export async function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: programInPath('chromium'),
    headless: true,
    chromiumSandbox: false,
    args: browserArguments,
    timeout: uiTimeoutMs,
  });
}

function programInPath(name: string): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const path = folders.map((folder) => join(folder, name)).find((each) => existsSync(each));
  assert.ok(path !== undefined, `there is no ${name} in PATH; install Debian's package`);
  return path;
}

/**
 * A window of a person's, with a guard on it: an error in the console, a request that fails or goes anywhere but to the server, an
 * exception nobody caught and whatever the page's security policy has stopped are all kept, and `assertClean` throws for them.
 */
export class GuardedPage implements AsyncDisposable {
  readonly page: Page;
  readonly origin: string;
  readonly #context: BrowserContext;
  readonly #troubles: string[] = [];
  #expected: readonly RegExp[] = [];

  static async open(browser: Browser, wish: PageWish): Promise<GuardedPage> {
    const context = await browser.newContext({
      baseURL: wish.origin,
      colorScheme: wish.theme ?? 'light',
      reducedMotion: wish.isMotionReduced === false ? 'no-preference' : 'reduce',
      viewport: wish.size ?? { width: 1440, height: 900 },
      serviceWorkers: 'block',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    context.setDefaultTimeout(uiTimeoutMs);
    const page = await context.newPage();
    const guarded = new GuardedPage(context, page, wish.origin);
    await context.route('**/*', (route) => guarded.#pass(route));
    return guarded;
  }

  private constructor(context: BrowserContext, page: Page, origin: string) {
    this.#context = context;
    this.page = page;
    this.origin = origin;
    page.on('console', (message) => this.#hear(message));
    page.on('pageerror', (error) => this.#note(`exception: ${error.stack ?? error.message}`));
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText ?? 'it failed';
      // A page that is left gives up what it was still asking for.
      if (why !== 'net::ERR_ABORTED') this.#note(`${why}: ${request.url()}`);
    });
  }

  /** What the page may say from now on without being in trouble, as while its server is away. Empty: nothing again. */
  expect(...patterns: readonly RegExp[]): void {
    this.#expected = patterns;
  }

  /** What has gone wrong since the last call. */
  takeTroubles(): readonly string[] {
    return this.#troubles.splice(0);
  }

  assertClean(): void {
    assert.deepEqual(this.takeTroubles(), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }

  #hear(message: ConsoleMessage): void {
    const isTrouble = message.type() === 'error' || message.type() === 'warning';
    if (isTrouble) this.#note(`${message.type()}: ${message.text()} (${message.location().url})`);
  }

  #note(trouble: string): void {
    if (!this.#expected.some((pattern) => pattern.test(trouble))) this.#troubles.push(trouble);
  }

  async #pass(route: Route): Promise<void> {
    const url = route.request().url();
    if (new URL(url).origin === this.origin || /^(data|blob):/.test(url)) return route.continue();
    this.#troubles.push(`a request left for ${url}`);
    return route.abort('blockedbyclient');
  }
}

/** The same window when its person has signed in by the form; closed when that fails. */
export async function signedIn(window: GuardedPage, token: string): Promise<GuardedPage> {
  const { page } = window;
  try {
    // Whoever is not signed in is told so by the server.
    window.expect(/401/);
    await page.goto('/login');
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL(({ pathname }) => pathname === '/rollouts');
    await page.getByRole('status').filter({ hasText: /^live/ }).waitFor();
    window.assertClean();
    window.expect();
    return window;
  } catch (error) {
    await window[Symbol.asyncDispose]();
    throw error;
  }
}
