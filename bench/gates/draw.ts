import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawings } from './drawings/drawings.ts';
import type { BenchTable } from '../form.ts';
import type { Drawing, Drawn } from './drawings/canvas.ts';
import { estimateExamples } from './examples/estimate-examples.ts';
import { explanationExamples } from './examples/explanation-examples.ts';
import { otherExamples } from './examples/other-examples.ts';
import { ratioExamples } from './examples/ratio-examples.ts';
import type { WrittenBlock } from './examples/written-block.ts';
import { blockNames, withBlock } from './examples/written-blocks.ts';

/**
 * `node bench/gates/draw.ts [NAME ...]`: draws the pictures of docs/guides/gates.md from seeded releases that the product's gate
 * judges, and writes the figures under them and the worked examples of docs/guides/gates-derivation.md into the text. Without a
 * name all of them, which takes a minute or two; after a change of the gate it is to be run again. `examples` writes only the examples.
 */
export const guidePath = 'docs/guides/gates.md';
export const derivationPath = 'docs/guides/gates-derivation.md';
export const drawingFolder = 'docs/guides/gates';

const root = join(import.meta.dirname, '../..');

function main(wanted: readonly string[]): number {
  const names = [...drawings.map((each) => each.name), 'examples'];
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(
      `error: there is no drawing ${unknown.join(', ')}\nusage: node bench/gates/draw.ts [NAME ...]\nnames: ${names.join(', ')}\n`,
    );
    return 2;
  }
  const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);
  for (const drawing of drawings.filter(({ name }) => isWanted(name))) {
    const drawn = drawing.draw();
    writeFileSync(join(root, drawingFolder, `${drawing.name}.svg`), drawn.svg);
    writeBlock(guidePath, drawing.name, blockOf(drawing, drawn));
    process.stderr.write(`${drawing.name}: ${drawn.caption}\n`);
  }
  if (isWanted('examples')) {
    for (const [path, blocks] of examples()) {
      for (const { name, text } of blocks) writeBlock(path, name, text);
    }
  }
  return 0;
}

/** Figures in the text that are computed without drawing anything, by document. */
export function examples(): readonly (readonly [path: string, blocks: readonly WrittenBlock[]])[] {
  return [
    [guidePath, [...explanationExamples(), ...estimateExamples()]],
    [derivationPath, [...ratioExamples(), ...otherExamples()]],
  ];
}

/** Picture and caption as they stand in the guide. */
export function blockOf({ name }: Drawing, { alt, caption, table }: Drawn): string {
  const parts = [`![${alt}](gates/${name}.svg)`, wrapped(caption)];
  if (table !== undefined) parts.push(markdownTable(table));
  return parts.join('\n\n');
}

function markdownTable({ heads, rows }: BenchTable): string {
  const lines = [heads, heads.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function wrapped(paragraph: string): string {
  const lines = [''];
  for (const word of paragraph.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last.length + word.length + 1 > 118) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.join('\n');
}

function writeBlock(path: string, name: string, text: string): void {
  const file = join(root, path);
  const before = readFileSync(file, 'utf8');
  if (!blockNames(before).includes(name)) {
    process.stderr.write(`warning: ${path} has no place for ${name}\n`);
    return;
  }
  writeFileSync(file, withBlock(before, name, text));
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
