/** What the place we write to can show. Decided once per stream; the views are pure functions of it. */
export interface Look {
  readonly isColored: boolean;
  readonly isUnicode: boolean;
  /** A terminal whose cursor can be moved: what is drawn may be repainted in place. */
  readonly isInteractive: boolean;
  /** Width of the terminal; lines are never cut when it is not interactive. */
  readonly columns: number;
}

export const plainLook: Look = {
  isColored: false,
  isUnicode: false,
  isInteractive: false,
  columns: 120,
};

export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function lookOf(screen: Screen, env: Environment, isColorRefused: boolean): Look {
  const isTerminal = screen.isTTY === true && env['TERM'] !== 'dumb';
  return {
    isColored: !isColorRefused && wantsColor(env, isTerminal),
    isUnicode: /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''),
    isInteractive: isTerminal,
    columns: screen.columns || 120,
  };
}

/** FORCE_COLOR is stronger than NO_COLOR, as Node itself has it; then no-color.org, then the terminal. */
function wantsColor(env: Environment, isTerminal: boolean): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  const refused = env['NO_COLOR'];
  if (refused !== undefined && refused !== '') return false;
  return isTerminal;
}

const colorCodes = {
  bold: [1, 22],
  faint: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
} as const;

export type Color = keyof typeof colorCodes;

/** Wraps the text in SGR codes (ECMA-48 8.3.117). Colours are never the only sign. */
export function paint(look: Look, color: Color, text: string): string {
  if (!look.isColored || text === '') return text;
  const [on, off] = colorCodes[color];
  return `\u001B[${on}m${text}\u001B[${off}m`;
}

/** Columns a painted text takes; every glyph the views use is one column wide. */
export function widthOf(text: string): number {
  return Array.from(withoutPaint(text)).length;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** Cut to the terminal, so that one line of a repainted picture stays one line. */
export function fit(look: Look, line: string): string {
  if (!look.isInteractive || widthOf(line) <= look.columns) return line;
  const end = look.isUnicode ? '…' : '...';
  return (
    Array.from(withoutPaint(line))
      .slice(0, look.columns - end.length)
      .join('') + end
  );
}

/** Broken at spaces, for a sentence that must be read whole; as it is when the screen is no terminal. */
export function wrap(look: Look, text: string, indentWidth: number): string[] {
  if (!look.isInteractive) return [text];
  const width = Math.max(20, look.columns - indentWidth);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && widthOf(longer) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}

/** Texts of others (reasons, messages) may hold control characters that would steer the terminal. */
export function harmless(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

function withoutPaint(text: string): string {
  // oxlint-disable-next-line no-control-regex -- ESC is what we look for
  return text.replaceAll(/\u001B\[\d+m/g, '');
}
