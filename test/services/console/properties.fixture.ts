import type { Page } from 'playwright-core';
import { waitFor } from '../../e2e/world.fixture.ts';
import type { ConsoleStage } from './console-stage.fixture.ts';

/** Tests of a part of the properties; they share the stage that their file has set. */
export type StageOf = () => ConsoleStage;

/** What a row of the table says, by cell. */
export async function rowsOf(page: Page): Promise<readonly (readonly string[])[]> {
  const rows = await page.getByRole('table', { name: 'Rollouts' }).getByRole('row').all();
  const cells = await Promise.all(rows.map((row) => row.getByRole('cell').allInnerTexts()));
  return cells.filter((row) => row.length > 0);
}

/** The service that a row is of, without its namespace. */
export function serviceOf([first = '']: readonly string[]): string {
  return first.split(/\s/)[0]?.split('/').at(-1) ?? '';
}

/** The services of the table in its order, once they are as wanted. */
export async function waitForServices(page: Page, wanted: readonly string[]): Promise<void> {
  await waitFor(`the services ${wanted.join(', ')}, in this order`, async () => {
    const names = (await rowsOf(page)).map(serviceOf);
    return names.join() === wanted.join();
  });
}

/** What the page has put into the clipboard. */
export function clipboardOf(page: Page): Promise<string> {
  return page.evaluate('navigator.clipboard.readText()');
}
