import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '../../e2e/world.fixture.ts';
import { services } from './console-stage.fixture.ts';
import type { StageOf } from './properties.fixture.ts';

const { rolledBack, paused, healthy } = services;

/** What is true of one rollout: how it was judged, what was recorded, what can be done, and who may. */
export function testRollouts(stage: StageOf): void {
  test('property 3: candidate and stable share the axes of each metric, with limit and counts, and too little data is said', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    await page.goto(`/rollouts/${paused}-2`);
    const comparison = page.getByRole('region', { name: 'Candidate against stable' });
    const panels = comparison.getByRole('figure');
    await panels.nth(1).waitFor();
    const text = await comparison.innerText();
    assert.match(text, /worse [\d.,e]+ of 1,000; not worse [\d.,e]+ of 100/);
    assert.match(
      text,
      /candidate [\d.]+ %, \d[\d,]* of [\d,]+; stable [\d.]+ %, \d[\d,]* of [\d,]+/,
    );
    await page.goto(`/rollouts/${healthy}-1`);
    await page
      .getByText(/Nothing has been judged|Not enough data/)
      .first()
      .waitFor();
    window.assertClean();
  });

  test('property 5: an action first shows what it changes, is done by one click and a confirmation, and can be undone', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    const { world } = stage();
    await page.goto(`/rollouts/${paused}-2`);
    await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
    await page.keyboard.press('c');
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Traffic then').waitFor();
    await dialog.getByLabel('Why, for the record').fill('seen enough');
    await dialog.getByRole('button', { name: 'Resume', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await dialog.getByRole('button', { name: 'Pause', exact: true }).click();
    await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
    const entries = (await world.events()).filter(({ by }) => by?.why === 'seen enough');
    assert.equal(entries.length, 1, 'the reason is in the ledger');
    window.assertClean();
  });

  test('property 6: what going back would change is shown before it is done', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    await page.goto(`/rollouts/${rolledBack}-2`);
    const back = page.getByRole('region', { name: 'Going back' });
    const choice = back.getByRole('combobox');
    await choice.waitFor();
    const earlier = choice.getByRole('option').nth(1);
    await choice.selectOption(await earlier.getAttribute('value'));
    await back.getByRole('button', { name: 'Go back to it' }).click();
    const dialog = page.getByRole('dialog');
    await dialog
      .getByText(/Traffic then|It would/)
      .first()
      .waitFor();
    await dialog.getByRole('button', { name: 'Leave it' }).click();
    window.assertClean();
  });

  test('property 8: one timeline has steps, decisions and what people did, in at most some hundred marks', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    await page.goto('/timeline?as=list');
    await page
      .getByRole('link', { name: `${rolledBack}-2` })
      .first()
      .waitFor();
    const text = await page.getByRole('main').innerText();
    assert.match(text, new RegExp(`going back to ${rolledBack} v1`));
    assert.match(text, /paused by/);
    const marks = Number(/entries in (\d+) marks/.exec(text)?.[1]);
    assert.ok(marks > 0 && marks <= 500, `${marks} marks`);
    window.assertClean();
  });

  test('property 11: events and the log of a candidate that is gone stand on its page', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    await page.goto(`/rollouts/${rolledBack}-2`);
    const events = page.getByRole('region', { name: 'Events' });
    await events
      .getByText(/candidate requests failed/)
      .first()
      .waitFor();
    const log = page.getByRole('region', { name: 'Log of v2' });
    await waitFor('the log of what was stopped', async () =>
      /listens|payments/.test(await log.innerText()),
    );
    const { instances } = (await stage().world.service(rolledBack)).status;
    assert.ok(!instances.some(({ revisionId }) => revisionId.includes('v2')));
    window.assertClean();
  });

  test('property 12: a viewer sees everything, finds why an action is not theirs, and is refused by the server as well', async () => {
    const token = await stage().tokenOf('vera', 'viewer');
    await using window = await stage().signedIn({ token });
    const { page } = window;
    window.expect(/40[13]/);
    await page.goto(`/rollouts/${paused}-2`);
    const abort = page.getByRole('button', { name: 'Abort', exact: true });
    await abort.waitFor();
    await waitFor(
      'the refusal',
      async () => (await abort.getAttribute('aria-disabled')) === 'true',
    );
    assert.match((await abort.getAttribute('title')) ?? '', /^vera \(viewer\) may not abort/);
    await abort.click({ force: true });
    await page.keyboard.press('a');
    assert.equal(await page.getByRole('dialog').count(), 0);
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ action: 'abort', who: 'vera', why: null });
    const path = `/v1/services/${paused}/actions`;
    const answer = await stage().world.request(path, { method: 'POST', headers, body });
    assert.equal(answer.status, 403);
    const signed = await page.evaluate('document.cookie + JSON.stringify({ ...localStorage })');
    assert.ok(!String(signed).includes(token), 'no script can read the token');
    await waitFor('the entry of the refusal', async () =>
      (await stage().world.events()).some(({ by }) => by?.who === 'vera'),
    );
  });

  test('property 13: the evidence of a release is verified in the browser and is one file', async () => {
    await using window = await stage().signedIn();
    const { page } = window;
    await page.goto(`/evidence/${rolledBack}-2`);
    const verdict = page.locator('.verdict');
    await verdict.waitFor();
    assert.doesNotMatch(await verdict.innerText(), /NOT valid/);
    await page
      .getByRole('region', { name: 'Gates and numbers' })
      .getByText(/ of 1,000/)
      .first()
      .waitFor();
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as one file' }).click();
    assert.equal((await saving).suggestedFilename(), `${rolledBack}-2.evidence.json`);
    window.assertClean();
  });
}
