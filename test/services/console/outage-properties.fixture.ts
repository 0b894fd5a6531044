import { test } from 'node:test';
import { services } from './console-stage.fixture.ts';
import type { StageOf } from './properties.fixture.ts';

/** What is left when the server is gone. The last of a file's tests, as it ends the server. */
export function testOutage(stage: StageOf): void {
  test('property 15: without its server the last known state stays, with its age, and it is live again when the server is back', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    const row = page.getByRole('row').filter({ hasText: services.paused });
    await row.waitFor();
    window.expect(
      /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY|ERR_CONNECTION_RESET|Failed to load|ERR_SOCKET/,
    );
    await stage().world.killServer();
    const mark = page.getByRole('banner').getByRole('status');
    await mark.filter({ hasText: /stale since \d+ s/ }).waitFor();
    await row.waitFor();
    await stage().world.up();
    await mark.filter({ hasText: /^live/ }).waitFor();
    await row.waitFor();
    window.assertClean();
  });
}
