import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '../../e2e/world.fixture.ts';
import { services } from './console-stage.fixture.ts';
import {
  clipboardOf,
  rowsOf,
  serviceOf,
  type StageOf,
  waitForServices,
} from './properties.fixture.ts';

const { rolledBack, waiting, paused, healthy, front } = services;

/** What is true of the first screen. */
export function testTable(stage: StageOf): void {
  test('property 1: the first screen is a table with what is unhealthy first, sorted and filtered by the server', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    await page.getByRole('row').nth(1).waitFor();
    const unhealthy = (await rowsOf(page)).slice(0, 3).map(serviceOf);
    assert.deepEqual(unhealthy, [rolledBack, waiting, paused]);
    const asked = page.waitForRequest((request) => request.url().includes('sort=service'));
    await page.getByRole('columnheader', { name: 'Service' }).getByRole('button').click();
    await asked;
    await waitForServices(page, Object.values(services).toSorted());
    await page.getByRole('searchbox', { name: 'Filter by service' }).fill(paused.slice(0, 4));
    await waitForServices(page, [paused]);
    await page.getByRole('searchbox', { name: 'Filter by service' }).fill('');
    await page.getByRole('button', { name: 'Need somebody' }).click();
    await waitForServices(page, [rolledBack, waiting, paused].toSorted());
    window.assertClean();
  });

  test('property 2: each row that is not healthy says why, in one sentence with its numbers', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    await page.getByRole('row').nth(1).waitFor();
    const why = new Map((await rowsOf(page)).map((cells) => [serviceOf(cells), cells]));
    const says = (service: string): string => why.get(service)?.join('\n') ?? '';
    assert.match(
      says(rolledBack),
      /Rolled back\n[^]*\d+ of \d+ candidate requests failed \([\d.]+ %\)/,
    );
    assert.match(says(waiting), /Waiting\n[^]*the approval of 1 owner/);
    assert.match(says(paused), /Paused\n[^]*paused by \S+[^]*step 1 of 2 at 50 %/);
    window.assertClean();
  });

  test('property 4: wanted and measured weight stand side by side', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    const row = page.getByRole('row').filter({ hasText: paused });
    const weights = row.getByText(/^50 %/).first();
    await weights.waitFor();
    const text = await row.innerText();
    const measured = /50 %\s+(?:is|≠)\s+([\d.]+) %/.exec(text)?.[1];
    assert.ok(Math.abs(Number(measured) - 50) < 15, `measured near 50 %: ${text}`);
    window.assertClean();
  });

  test('property 7: what happens is shown without a reload and without asking for the list again', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    const { world } = stage();
    await page.getByRole('row').filter({ hasText: front }).waitFor();
    const lists: string[] = [];
    page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (pathname === '/v1/rollouts') lists.push(request.url());
    });
    const row = page.getByRole('row').filter({ hasText: paused });
    await row.getByText('Paused', { exact: true }).waitFor();
    await world.must('rollout', 'resume', paused);
    await row.getByText('Progressing', { exact: true }).waitFor();
    await world.must('rollout', 'pause', paused);
    await row.getByText('Paused', { exact: true }).waitFor();
    assert.deepEqual(lists, []);
    window.assertClean();
  });

  test('property 10: filters stand in the address, and the view can be had as a command and as YAML', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    await page.getByRole('button', { name: 'Need somebody' }).click();
    await waitForServices(page, [rolledBack, waiting, paused]);
    const address = page.url();
    assert.match(address, /phase=/);
    await page.goto('/rollouts');
    await page.getByRole('row').filter({ hasText: healthy }).waitFor();
    await page.goto(address);
    await waitForServices(page, [rolledBack, waiting, paused]);
    await page.getByRole('button', { name: 'Copy as CLI' }).click();
    await waitFor('a command in the clipboard', async () =>
      (await clipboardOf(page)).startsWith('tidegate get services'),
    );
    const [, ...command] = (await clipboardOf(page)).trim().split(/\s+/);
    assert.match((await stage().world.must(...command)).stdout, new RegExp(rolledBack));
    await page.getByRole('button', { name: 'Copy as YAML' }).click();
    await waitFor('YAML in the clipboard', async () =>
      (await clipboardOf(page)).includes('kind: Rollout'),
    );
    window.assertClean();
  });
}
