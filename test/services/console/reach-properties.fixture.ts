import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '../../e2e/world.fixture.ts';
import { violationsOf } from './accessibility.fixture.ts';
import { services } from './console-stage.fixture.ts';
import { firstScreen } from './first-screen.fixture.ts';
import type { StageOf } from './properties.fixture.ts';
import { consoleViews } from './views.fixture.ts';

const firstScreenBytesMax = 200_000;

/** Who can use it, and what it needs for that. */
export function testReach(stage: StageOf): void {
  test('property 9: the graph opens on one service and its neighbours, is laid out in a worker, and can show problems alone', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    await page.goto(`/graph?service=${services.front}`);
    const drawing = page.getByRole('region', { name: /^Drawing of services/ });
    await drawing.getByText(services.healthy).first().waitFor();
    assert.equal(await drawing.getByText(services.paused).count(), 0, 'it opens filtered');
    await waitFor('a worker that arranges', () => page.workers().length > 0);
    await page.goto('/graph?service=*&as=table');
    const rows = page.getByRole('row').filter({ hasText: services.paused });
    await rows.first().waitFor();
    await page.getByRole('checkbox', { name: 'Only problems' }).check();
    await page
      .getByRole('row')
      .filter({ hasText: services.healthy })
      .first()
      .waitFor({ state: 'detached' });
    window.assertClean();
  });

  for (const theme of ['light', 'dark'] as const) {
    test(`property 14: axe finds nothing on any view, ${theme}`, async (context) => {
      await using window = await stage().signedIn({ theme });
      const { page } = window;
      const found: string[] = [];
      for (const { name, path, ready } of consoleViews) {
        await page.goto(path);
        await ready(page);
        found.push(...(await violationsOf(page)).map((each) => `${name}: ${each}`));
      }
      context.diagnostic(
        `axe: ${found.length} violations in ${consoleViews.length} views, ${theme}`,
      );
      assert.deepEqual(found, []);
      window.assertClean();
    });
  }

  test('property 14: everything is reached by the keyboard alone, and the focus is seen', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    // Loaded anew: after the sign-in the focus stands at the view already.
    await page.goto('/rollouts');
    await page.getByRole('row').nth(1).waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await focused(page, 'textContent'), 'Skip to content');
    await page.keyboard.press('j');
    await waitFor(
      'the focus on the first row',
      async () => (await focused(page, 'textContent')) === services.rolledBack,
    );
    assert.match(await focusOutline(page), /solid|auto/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/rollouts\/cart-2$/);
    await page.keyboard.press('g');
    await page.keyboard.press('g');
    await page.waitForURL(/\/graph/);
    await page.keyboard.press('?');
    const help = page.getByRole('dialog');
    await help.waitFor();
    assert.deepEqual(await violationsOf(page), []);
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    window.assertClean();
  });

  test('property 14: who wants no motion gets none', async () => {
    await using window = await stage().signedIn({ isMotionReduced: true });
    const moving: unknown = await window.page.evaluate(
      `document.getAnimations().filter((each) => each.effect.getComputedTiming().duration > 1).length`,
    );
    assert.equal(moving, 0);
  });

  test('property 15: all that the first screen loads is small and comes from the server', async (context) => {
    await using window = await stage().signedIn();
    const screen = await firstScreen(window, await stage().world.token());
    context.diagnostic(`first screen: ${screen.gzipBytes} bytes in ${screen.files} files`);
    assert.ok(screen.files >= 3, 'a page, a script and a style at least');
    assert.ok(screen.gzipBytes < firstScreenBytesMax, `${screen.gzipBytes} bytes`);
    window.assertClean();
  });

  test('property 15: no script or style stands in the page, and the policy would stop one', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    const answer = await stage().world.request('/rollouts');
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /script-src 'self'(;|$)/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.doesNotMatch(await answer.text(), /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
    window.assertClean();
    window.expect(/Content Security Policy/);
    const ran: unknown = await page.evaluate(
      `(() => { const s = document.createElement('script'); s.textContent = 'globalThis.planted = true';
        document.head.append(s); return globalThis.planted === true; })()`,
    );
    assert.equal(ran, false);
  });
}

function focused(
  page: Parameters<typeof violationsOf>[0],
  what: 'textContent',
): Promise<string | null> {
  return page.evaluate(`document.activeElement?.${what} ?? null`);
}

function focusOutline(page: Parameters<typeof violationsOf>[0]): Promise<string> {
  return page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
}
