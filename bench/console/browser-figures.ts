import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import {
  GuardedPage,
  signedIn,
  startChromium,
} from '../../test/services/console/chromium.fixture.ts';
import { type FirstScreen, firstScreen } from '../../test/services/console/first-screen.fixture.ts';
import { medianOf } from '../form.ts';
import type { World } from '../world.ts';

const rounds = 5;
/** After the page is still. */
const settleMs = 5_000;

export interface BrowserFigures {
  readonly screen: FirstScreen;
  /** From the start of the navigation until the first row has been painted; the browser's cache is empty. */
  readonly listFirstPaintMs: number;
  readonly idleCpuPercent: number;
}

/** What the table of rollouts costs a browser. */
export async function measureBrowser(world: World, idleMs: number): Promise<BrowserFigures> {
  const browser = await startChromium();
  try {
    const paints: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await using window = await open(browser, world);
      paints.push(await firstPaintMs(window));
    }
    await using window = await open(browser, world);
    const screen = await firstScreen(window, await world.token());
    await sleep(settleMs);
    return {
      screen,
      listFirstPaintMs: medianOf(paints) ?? 0,
      idleCpuPercent: await rendererCpuPercent(browser, idleMs),
    };
  } finally {
    await browser.close();
  }
}

async function open(browser: Browser, world: World): Promise<GuardedPage> {
  const window = await GuardedPage.open(browser, { origin: world.apiUrl });
  return signedIn(window, await world.token());
}

/** Seen from within the page: the frame after the one in which a row was there. */
const whenPainted = `new Promise((resolve) => {
  const look = () => {
    if (document.querySelector('[role=row][data-index]') === null) return requestAnimationFrame(look);
    requestAnimationFrame(() => resolve(performance.now()));
  };
  look();
})`;

async function firstPaintMs({ page }: GuardedPage): Promise<number> {
  await page.evaluate('localStorage.clear()');
  const session = await page.context().newCDPSession(page);
  await session.send('Network.clearBrowserCache');
  await page.goto('/rollouts', { waitUntil: 'commit' });
  return page.evaluate(whenPainted);
}

/** Of the renderers, by the browser's own account of its processes. */
async function rendererCpuPercent(browser: Browser, forMs: number): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const spentSeconds = async (): Promise<number> => {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    const renderers = processInfo.filter(({ type }) => type === 'renderer');
    if (renderers.length === 0) throw new Error('the browser has no renderer');
    return renderers.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  };
  const before = { atMs: performance.now(), seconds: await spentSeconds() };
  await sleep(forMs);
  const seconds = (await spentSeconds()) - before.seconds;
  return (100_000 * seconds) / (performance.now() - before.atMs);
}
