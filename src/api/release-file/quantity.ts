import { field } from './fields.ts';
import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';

/** Cores from `500m` or `2`, as Kubernetes writes CPU; whole thousandths. */
export function cpu({
  minCores,
  maxCores,
}: {
  readonly minCores: number;
  readonly maxCores: number;
}) {
  const readCores = (input: unknown): Reading<number> => {
    const text = typeof input === 'number' ? String(input) : input;
    if (typeof text !== 'string') return wrongType('cores such as 500m or 2');
    const found = text.length > textLengthMax ? null : /^(\d+(?:\.\d{1,3})?)(m?)$/.exec(text);
    if (found === null || (found[2] === 'm' && found[1]?.includes('.') === true)) {
      return refused(`must be cores such as 500m or 2, not ${quoted(text)}`);
    }
    const cores = found[2] === 'm' ? Number(`${found[1]}e-3`) : Number(found[1]);
    if (cores >= minCores && cores <= maxCores) return read(cores);
    return refused(`must be ${minCores * 1000}m to ${maxCores}, not ${quoted(text)}`);
  };
  return field(readCores, { type: 'string', pattern: String.raw`^\d+(\.\d{1,3}|m)?$` });
}

/** Bytes from `256Mi`, as Kubernetes writes memory; the unit is not left out. */
export function memory({ min, max }: { readonly min: string; readonly max: string }) {
  const readBytes = (input: unknown): Reading<number> => {
    if (typeof input === 'number') {
      return wrongType('memory such as 256Mi', `did you mean "${input}Mi"?`);
    }
    if (typeof input !== 'string') return wrongType('memory such as 256Mi');
    const bytes = bytesOf(input);
    if (bytes === null) {
      const guess = /^(\d+(?:\.\d+)?) ?([KMGT])i?B$/i.exec(input.trim());
      const unit = guess?.[2]?.toUpperCase();
      const hint = guess === null ? null : `did you mean "${guess[1]}${unit}i"?`;
      return refused(`must be memory such as 256Mi, not ${quoted(input)}`, hint);
    }
    if (bytes >= (bytesOf(min) ?? 0) && bytes <= (bytesOf(max) ?? Infinity)) return read(bytes);
    return refused(`must be ${min} to ${max}, not ${quoted(input)}`);
  };
  return field(readBytes, { type: 'string', pattern: String.raw`^\d+(\.\d+)?([KMGT]i|[kMGT])$` });
}

function bytesOf(text: string): number | null {
  const found = text.length > textLengthMax ? null : /^(\d+(?:\.\d+)?)([kKMGT]i?)$/.exec(text);
  const factor = bytesByUnit.get(found?.[2] ?? '');
  return found === null || factor === undefined ? null : Math.ceil(Number(found[1]) * factor);
}

const bytesByUnit: ReadonlyMap<string, number> = new Map([
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
]);

const textLengthMax = 16;
