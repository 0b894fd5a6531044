import assert from 'node:assert/strict';
import { test } from 'node:test';

import { plainLook } from './look.ts';
import { Painter } from './repaint.ts';

/** A terminal of the few sequences the painter uses; refuses all others. */
class Screen {
  readonly columns: number;
  readonly rows: number;
  readonly lines: string[] = [''];
  writes = 0;
  #row = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    this.writes += 1;
    // oxlint-disable-next-line no-control-regex -- ESC starts a sequence
    for (const part of text.split(/(\u001B\[\d*[A-Z]|\n)/)) this.#take(part);
  }

  #take(part: string): void {
    if (part === '') return;
    if (part === '\n') {
      this.#row += 1;
      this.lines[this.#row] ??= '';
    } else if (part.endsWith('F') && part.startsWith('\u001B')) {
      this.#row -= Number(part.slice(2, -1));
      assert.ok(this.#row >= 0, 'above the top');
    } else if (part === '\u001B[J') {
      this.lines.splice(this.#row);
      this.lines.push('');
    } else if (part !== '\u001B[K') {
      assert.ok(!part.startsWith('\u001B'), JSON.stringify(part));
      this.lines[this.#row] = part;
    } else if (this.lines[this.#row] === undefined) {
      this.lines[this.#row] = '';
    }
  }
}

const look = { ...plainLook, isInteractive: true };

test('each picture takes the place of the one before, longer or shorter', () => {
  const screen = new Screen(80, 24);
  const painter = new Painter(screen, look);
  painter.show(['one', 'two']);
  painter.show(['three', 'four', 'five']);
  assert.deepEqual(screen.lines, ['three', 'four', 'five', '']);
  painter.show(['six']);
  assert.deepEqual(screen.lines, ['six', '']);
});

test('the same picture is not written again', () => {
  const screen = new Screen(80, 24);
  const painter = new Painter(screen, look);
  painter.show(['one']);
  painter.show(['one']);
  assert.equal(screen.writes, 1);
});

test('a picture that was left stays, and the next begins below what others wrote', () => {
  const screen = new Screen(80, 24);
  const painter = new Painter(screen, look);
  painter.show(['one', 'two']);
  screen.write('the server is away\n');
  painter.leave();
  painter.show(['one', 'two']);
  painter.show(['three']);
  assert.deepEqual(screen.lines, ['one', 'two', 'the server is away', 'three', '']);
});

test('a picture is cut to the screen in both directions', () => {
  const screen = new Screen(10, 4);
  const painter = new Painter(screen, look);
  painter.show(['0123456789', '01234567890', 'third']);
  assert.deepEqual(screen.lines, ['0123456789', '0123456...', 'third', '']);
  painter.show(['1', '2', '3', '4']);
  assert.deepEqual(screen.lines, ['1', '2', '... 2 m...', '']);
});

test('a terminal that gives no size still shows the picture', () => {
  const screen = new Screen(0, 0);
  new Painter(screen, look).show(['one']);
  assert.deepEqual(screen.lines, ['one', '']);
});
