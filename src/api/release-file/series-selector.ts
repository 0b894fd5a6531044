import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';

/** A series as it is named in a file: `orders_total{outcome="declined"}`. */
export interface SeriesText {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

const labelCountMax = 16;
const textLengthMax = 1024;
const wanted = 'a metric such as orders_total{outcome="declined"}';

/** Names and labels as the Prometheus data model has them; of its matchers only equality. */
export function readSeries(input: unknown): Reading<SeriesText> {
  if (typeof input !== 'string') return wrongType(wanted);
  const [, name, inner] =
    (input.length > textLengthMax
      ? null
      : /^ *([a-zA-Z_:][a-zA-Z0-9_:]*) *(?:\{(.*)\})? *$/s.exec(input)) ?? [];
  if (name === undefined) return refused(`must be ${wanted}, not ${quoted(input)}`);
  const labels: Record<string, string> = {};
  let rest = (inner ?? '').trim();
  while (rest !== '') {
    const [pair, label = '', value = ''] = pairPattern.exec(rest) ?? [];
    if (pair === undefined) {
      const hint = /^[a-zA-Z_]\w* *(?:!=|[=!]~)/.test(rest) ? 'only = is understood' : null;
      return refused(`must be ${wanted}, not ${quoted(input)}`, hint);
    }
    if (Object.hasOwn(labels, label)) return refused(`names the label ${quoted(label)} twice`);
    labels[label] = value.replace(/\\(.)/g, (_, escaped: string) => unescaped(escaped));
    if (Object.keys(labels).length > labelCountMax) {
      return refused(`must have at most ${labelCountMax} labels`);
    }
    rest = rest.slice(pair.length);
  }
  return read({ name, labels });
}

const pairPattern = /^([a-zA-Z_][a-zA-Z0-9_]*) *= *"((?:[^"\\\n]|\\["\\n])*)" *(?:, *|$)/;

function unescaped(escaped: string): string {
  return escaped === 'n' ? '\n' : escaped;
}
