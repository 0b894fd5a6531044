import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';

export interface PercentageBounds {
  /** `pp`, percentage points, marks a difference of two percentages; `%` is understood there too. */
  readonly unit: '%' | 'pp';
  readonly minPercent: number;
  readonly maxPercent: number;
  /** The value itself must stay below `maxPercent`. */
  readonly isMaxExcluded?: boolean;
  readonly examplePercent: number;
}

/** `99.9%` or `0.25pp`, a space before the unit allowed, as Percent. The number is the one written, exactly. */
export function readPercent(input: unknown, bounds: PercentageBounds): Reading<number> {
  const reading = readDigits(input, bounds);
  return reading.kind === 'read' ? read(Number(reading.value)) : reading;
}

/** The same as Ratio. Example: `0.1%` is 0.001, the double nearest to it (dividing by 100 would miss it for `1.1%`). */
export function readRatio(input: unknown, bounds: PercentageBounds): Reading<number> {
  const reading = readDigits(input, bounds);
  return reading.kind === 'read' ? read(Number(`${reading.value}e-2`)) : reading;
}

const percentagePattern = /^(\d+(?:\.\d+)?) ?(%|pp)$/;

/** More digits mean nothing in any of these quantities, and would be rounded silently. */
const textLengthMax = 16;

function readDigits(input: unknown, bounds: PercentageBounds): Reading<string> {
  const wanted = `a percentage such as ${bounds.examplePercent}${bounds.unit}`;
  if (typeof input === 'number' && input >= 0 && Number.isFinite(input)) {
    return wrongType(wanted, suggestUnit(input, bounds));
  }
  if (typeof input !== 'string') return wrongType(wanted);
  const match = input.length > textLengthMax ? null : percentagePattern.exec(input);
  const [, digits = '', unit = ''] = match ?? [];
  if (match === null || (unit === 'pp' && bounds.unit !== 'pp')) {
    return refused(`must be ${wanted}, not ${quoted(input)}`, suggestPercentage(input, bounds));
  }
  return isWithin(Number(digits), bounds) ? read(digits) : outOfRange(input, bounds);
}

function isWithin(percent: number, bounds: PercentageBounds): boolean {
  if (percent < bounds.minPercent || percent > bounds.maxPercent) return false;
  return percent < bounds.maxPercent || bounds.isMaxExcluded !== true;
}

function outOfRange(
  input: string,
  { minPercent, maxPercent, unit, isMaxExcluded }: PercentageBounds,
): Reading<never> {
  const above = isMaxExcluded === true ? 'to less than' : 'to';
  return refused(
    `must be ${minPercent}${unit} ${above} ${maxPercent}${unit}, not ${quoted(input)}`,
  );
}

/** A number below 1 may have been meant as a ratio. */
function suggestUnit(input: number, { unit }: PercentageBounds): string {
  const asRatio = `"${Number((input * 100).toPrecision(12))}${unit}"`;
  const asPercentage = `"${input}${unit}"`;
  const isRatio = unit === '%' && input > 0 && input < 1;
  return `did you mean ${isRatio ? `${asRatio} or ${asPercentage}` : asPercentage}?`;
}

function suggestPercentage(text: string, bounds: PercentageBounds): string | null {
  const match =
    text.length > textLengthMax ? null : /^(\d+(?:\.\d+)?) *(?:%|pp|percent|)$/.exec(text.trim());
  return match === null ? null : `did you mean "${match[1]}${bounds.unit}"?`;
}
