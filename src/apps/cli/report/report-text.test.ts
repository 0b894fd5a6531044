import assert from 'node:assert/strict';
import { test } from 'node:test';

import { html } from './html-text.ts';
import { htmlReport } from './html-report.ts';
import { markdownReport } from './markdown-report.ts';
import { sampleReport } from './report.fixture.ts';
import type { Report } from './report-model.ts';

const hostile = `</td><script>alert("x")</script>&'|\`[a](b)`;

function hostileReport(): Report {
  const report = sampleReport();
  return {
    ...report,
    title: hostile,
    commit: hostile,
    criteria: [{ name: hostile, wanted: hostile, measured: hostile, isMet: false }],
    ledger: { ...report.ledger, statement: hostile, keyIds: [hostile], headLeafHash: hostile },
    rollouts: report.rollouts.map((rollout) => ({
      ...rollout,
      id: hostile,
      service: hostile,
      from: hostile,
      to: hostile,
      reason: hostile,
      entries: rollout.entries.map((entry) => ({ ...entry, decision: hostile, sentence: hostile })),
      marks: [{ fromMs: rollout.startedAtMs, toMs: rollout.startedAtMs + 500, label: hostile }],
    })),
  };
}

test('every sign that HTML gives a meaning is written as text', () => {
  assert.equal(html(`<a b="c" d='e'>&`), '&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;');
});

test('nothing of others becomes markup in the page', () => {
  const page = htmlReport(hostileReport());
  assert.ok(!page.includes('<script'));
  assert.ok(page.includes('&lt;script&gt;'));
});

test('nothing of others becomes markup or another cell in the Markdown', () => {
  const text = markdownReport(hostileReport());
  for (const line of text.split('\n').filter((line) => line.startsWith('|'))) {
    assert.ok(!/[^\\]<script/.test(line), line);
  }
  const [heads, , row] = text.split('\n').filter((line) => line.startsWith('|'));
  const cells = (line = ''): number => line.split(/(?<!\\)\|/).length;
  assert.equal(cells(row), cells(heads));
});

test('the page stands alone: no script, nothing loaded, tags closed', () => {
  const page = htmlReport(sampleReport());
  assert.ok(!/<script|<link|<img|@import|url\(|https?:/.test(page));
  assert.deepEqual(unclosed(page), []);
});

test('an unclosed tag is found', () => {
  assert.deepEqual(unclosed('<p><b>x</p>'), ['b', 'p']);
});

test('each drawing has its text alternative, with all the steps', () => {
  const page = htmlReport(sampleReport());
  assert.equal(page.match(/<svg /g)?.length, 2);
  assert.equal(page.match(/role="img" aria-labelledby/g)?.length, 2);
  assert.equal(page.match(/<desc /g)?.length, 2);
  assert.match(page, /<desc [^>]*>Steps: 10 % wanted, 10 % measured, for 3 s; 50 % wanted/);
});

test('both say the outcome, the criteria, the figures and the commit', () => {
  const report = sampleReport();
  for (const text of [markdownReport(report), htmlReport(report)]) {
    const plain = text.replaceAll('\\', '');
    for (const part of [
      '2 rollouts (1 promoted, 1 rolled back): all 4 exit criteria are met.',
      'ef'.repeat(20),
      'checkout v1 → v2',
      'Tidegate (measured)',
      'computed by their published rules from the recorded stream',
      '1.5 s',
      'cd'.repeat(32),
    ]) {
      assert.ok(plain.includes(part), part);
    }
  }
});

test('Markdown tables look like this', () => {
  const text = markdownReport(sampleReport());
  const from = text.indexOf('## Rollouts');
  const lines = text.slice(from).split('\n').slice(2, 6);
  assert.deepEqual(lines, [
    '| Rollout | Outcome | Wanted | Measured | Requests | Failed | Decided in |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: |',
    '| checkout v1 → v2 | promoted | 100 % | 100 % | 8,800 | 0 | 11 s |',
    '| checkout v2 → v3 | rolled back | 10 % | 10 % | 1,200 | 6 | 1.5 s |',
  ]);
});

/** Names of tags that are left open or closed out of turn; void elements of HTML and self-closed ones aside. */
function unclosed(page: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, slash, name = '', selfClosed] of page.matchAll(
    /<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/g,
  )) {
    if (selfClosed === '/' || ['meta', 'br'].includes(name)) continue;
    if (slash === '') open.push(name);
    else if (open.at(-1) === name) open.pop();
    else wrong.push(open.pop() ?? '', name);
  }
  return [...wrong, ...open].filter((name, index, all) => all.indexOf(name) === index);
}
