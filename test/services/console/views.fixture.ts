import type { Page } from 'playwright-core';
import { services } from './console-stage.fixture.ts';

export interface ConsoleView {
  readonly name: string;
  readonly path: string;
  /** Resolves when what the view is about is on the screen. */
  readonly ready: (page: Page) => Promise<void>;
}

const textIn =
  (text: string | RegExp) =>
  (page: Page): Promise<void> =>
    page.getByRole('main').getByText(text).first().waitFor();

/** Every view, in each state that it can show on the stage. */
export const consoleViews: readonly ConsoleView[] = [
  { name: 'rollouts', path: '/rollouts', ready: textIn(services.waiting) },
  {
    name: 'rollouts-none',
    path: '/rollouts?name=nobody',
    ready: textIn('No rollout is like that.'),
  },
  {
    name: 'rollout-rolled-back',
    path: `/rollouts/${services.rolledBack}-2`,
    ready: textIn(/candidate requests failed/),
  },
  { name: 'rollout-paused', path: `/rollouts/${services.paused}-2`, ready: textIn(/paused by/) },
  {
    name: 'rollout-waiting',
    path: `/rollouts/${services.waiting}-2`,
    ready: textIn(/approval of 1 owner/),
  },
  { name: 'graph', path: `/graph?service=${services.front}`, ready: textIn(services.healthy) },
  { name: 'graph-table', path: '/graph?service=*&as=table', ready: textIn(services.healthy) },
  { name: 'timeline', path: '/timeline', ready: textIn(/entries in \d+ marks/) },
  {
    name: 'timeline-list',
    path: '/timeline?as=list',
    ready: textIn(`${services.rolledBack}-2`),
  },
  { name: 'evidence', path: '/evidence', ready: textIn(services.rolledBack) },
  {
    name: 'evidence-of-one',
    path: `/evidence/${services.rolledBack}-2`,
    ready: (page) => page.locator('.verdict').waitFor(),
  },
  { name: 'no-such-page', path: '/nowhere', ready: textIn('There is no such page') },
  { name: 'login', path: '/login', ready: textIn('Sign in') },
];
