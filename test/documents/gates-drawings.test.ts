/** The pictures of the guide are what the command draws, and can be read: by eye in light and dark, and by a screen reader. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { blockOf, drawingFolder, guidePath } from '../../bench/gates/draw.ts';
import { drawings } from '../../bench/gates/drawings/drawings.ts';
import { blockText } from '../../bench/gates/examples/written-blocks.ts';

const root = join(import.meta.dirname, '../..');

test('quick drawings, made again, are the files in the guide and the text under them', () => {
  const quick = drawings.filter(({ isQuick }) => isQuick);
  assert.ok(quick.length >= 2);
  for (const drawing of quick) {
    const remedy = `${drawing.name}: node bench/gates/draw.ts writes it anew`;
    const drawn = drawing.draw();
    assert.ok(drawn.svg === svgOf(drawing.name), remedy);
    assert.equal(blockText(guide(), drawing.name), blockOf(drawing, drawn), remedy);
  }
});

test('the folder has a file for each drawing and no other', () => {
  const files = readdirSync(join(root, drawingFolder)).toSorted();
  assert.deepEqual(files, drawings.map(({ name }) => `${name}.svg`).toSorted());
});

test('every drawing says what it is, where it comes from, and is neither small nor large', () => {
  for (const { name } of drawings) {
    assert.deepEqual(faultsOf(svgOf(name)), [], name);
    assert.match(guide(), new RegExp(`!\\[[^\\]]{40,}\\]\\(gates/${name}\\.svg\\)`), name);
  }
});

test('a drawing with small text, without description or with a number that is none is found', () => {
  const good = svgOf('outage');
  for (const bad of [
    good.replace('font:13px', 'font:9px'),
    good.replace(/<desc[\s\S]*?<\/desc>/, ''),
    good.replace(/ d="M[\d.]+/, ' d="MNaN'),
    good.replace('prefers-color-scheme', 'prefers-nothing'),
  ]) {
    assert.notDeepEqual(faultsOf(bad), []);
  }
});

test('an unknown drawing is refused with the names there are', () => {
  const program = join(root, 'bench/gates/draw.ts');
  const { status, stderr } = spawnSync(process.execPath, [program, 'outrage'], {
    encoding: 'utf8',
  });
  assert.equal(status, 2);
  assert.match(stderr, /there is no drawing outrage[\s\S]*names: .*outage/);
});

function faultsOf(svg: string): string[] {
  const sizes = [...svg.matchAll(/font(?:-size)?:(\d+)px/g)].map(([, size]) => Number(size));
  const rules: readonly (readonly [string, boolean])[] = [
    ['a width that fits a page', svg.includes('viewBox="0 0 760 ')],
    ['a title', /<title id="title">[^<]{20,}</.test(svg)],
    ['a description with its seeds', /<desc id="text">[^<]*[Ss]eed[^<]*</.test(svg)],
    ['text of 12 px or more', sizes.length > 0 && Math.min(...sizes) >= 12],
    ['colours for dark pages', svg.includes('prefers-color-scheme:dark')],
    ['numbers everywhere', !/NaN|Infinity|undefined/.test(svg)],
    ['less than 150 kB', svg.length < 150_000],
    ['nothing from elsewhere', !/href|url\(|@import/.test(svg)],
  ];
  return rules.filter(([, holds]) => !holds).map(([name]) => name);
}

function svgOf(name: string): string {
  return readFileSync(join(root, drawingFolder, `${name}.svg`), 'utf8');
}

function guide(): string {
  return readFileSync(join(root, guidePath), 'utf8');
}
