import { z } from 'zod';
import { readDuration } from './duration.ts';
import type { DurationBounds } from './duration.ts';
import { readPercent, readRatio } from './percentage.ts';
import type { PercentageBounds } from './percentage.ts';
import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';

/** What an issue of a field carries besides its message, for `explainIssues`. */
export interface FieldFault {
  readonly wanted: string | null;
  readonly hint: string | null;
}

/** What editors are told of a field: JSON Schema keywords. */
interface EditorKeywords {
  readonly type: 'string' | 'integer' | 'number' | 'boolean';
  readonly [keyword: string]: unknown;
}

/**
 * One written value, read by a function of ours. The validator is used for structure and for the JSON Schema; messages
 * and units are ours, so every field goes through here.
 */
export function field<Value>(reader: (input: unknown) => Reading<Value>, keywords: EditorKeywords) {
  const schema = z.unknown().transform((input, context): Value => {
    const reading = reader(input);
    if (reading.kind === 'read') return reading.value;
    const isWrongType = reading.kind === 'wrong-type';
    const params: FieldFault = { wanted: isWrongType ? reading.wanted : null, hint: reading.hint };
    const message = isWrongType ? `must be ${reading.wanted}` : reading.reason;
    context.issues.push({ code: 'custom', message, input, params: { ...params } });
    return z.NEVER;
  });
  return schema.meta(keywords);
}

/** Milliseconds from `30s`. */
export function duration(bounds: DurationBounds) {
  return field((input) => readDuration(input, bounds), {
    type: 'string',
    pattern: String.raw`^(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+(\.\d+)?ms)?$`,
    minLength: 1,
  });
}

/** Percent from `5%`. */
export function percent(bounds: PercentageBounds) {
  return field((input) => readPercent(input, bounds), percentageKeywords(bounds));
}

/** Ratio from `5%` or `0.25pp`. */
export function ratio(bounds: PercentageBounds) {
  return field((input) => readRatio(input, bounds), percentageKeywords(bounds));
}

function percentageKeywords(bounds: PercentageBounds): EditorKeywords {
  const unit = bounds.unit === 'pp' ? '(%|pp)' : '%';
  return { type: 'string', pattern: String.raw`^\d+(\.\d+)? ?${unit}$` };
}

export function integer({ min, max }: { readonly min: number; readonly max: number }) {
  const readInteger = (input: unknown): Reading<number> => {
    if (typeof input !== 'number') {
      const isDigits = typeof input === 'string' && /^\d{1,15}$/.test(input);
      return wrongType('a whole number', isDigits ? `write ${input} without quotes` : null);
    }
    if (!Number.isInteger(input)) return refused(`must be a whole number, not ${input}`);
    if (input < min || input > max) return refused(`must be ${min} to ${max}, not ${input}`);
    return read(input);
  };
  return field(readInteger, { type: 'integer', minimum: min, maximum: max });
}

/** A number without a unit: a weight against others. */
export function number({ min, max }: { readonly min: number; readonly max: number }) {
  const readNumber = (input: unknown): Reading<number> => {
    if (typeof input !== 'number') {
      const isDigits = typeof input === 'string' && /^\d+(\.\d+)?$/.test(input);
      return wrongType('a number', isDigits ? `write ${input} without quotes` : null);
    }
    if (input >= min && input <= max) return read(input);
    return refused(`must be ${min} to ${max}, not ${input}`);
  };
  return field(readNumber, { type: 'number', minimum: min, maximum: max });
}

export function boolean() {
  const readBoolean = (input: unknown): Reading<boolean> =>
    typeof input === 'boolean' ? read(input) : wrongType('true or false');
  return field(readBoolean, { type: 'boolean' });
}

/** A rule of a text: gives null when it holds, else what follows the key's name. */
export type TextRule = (
  text: string,
) => { readonly reason: string; readonly hint: string | null } | null;

/** A text by a rule. NUL is refused in every text: no argument, path or header can carry it. */
export function text(rule: TextRule, keywords: { readonly [keyword: string]: unknown } = {}) {
  const readText = (input: unknown): Reading<string> => {
    if (typeof input !== 'string') return wrongType('a text');
    if (input.includes('\0')) return refused('must not hold a NUL character');
    const fault = rule(input);
    return fault === null ? read(input) : refused(fault.reason, fault.hint);
  };
  return field(readText, { type: 'string', ...keywords });
}

/** A text that matches; `wanted` goes on after "must be". */
export function matching(pattern: RegExp, wanted: string, lengthMax: number): TextRule {
  return (text) => {
    if (text === '') return { reason: `must be ${wanted}, not empty`, hint: null };
    if (text.length > lengthMax) {
      return {
        reason: `must have at most ${lengthMax} characters, not ${text.length}`,
        hint: null,
      };
    }
    if (pattern.test(text)) return null;
    const lower = text.toLowerCase();
    const hint = lower !== text && pattern.test(lower) ? `did you mean ${quoted(lower)}?` : null;
    return { reason: `must be ${wanted}, not ${quoted(text)}`, hint };
  };
}

/** Keys a mapping knows, as its issue of unknown keys carries them. */
export interface KnownKeys {
  readonly known: readonly string[];
  /** Keys of the format that this version does not act on, so it refuses them. */
  readonly notYet: readonly string[];
}

/** A mapping that refuses unknown keys. What it knows gets out only by the validator's message: that is JSON here. */
export function mapping<Shape extends z.ZodRawShape>(shape: Shape, notYet: readonly string[] = []) {
  const keys: KnownKeys = { known: Object.keys(shape), notYet };
  const message = JSON.stringify(keys);
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? message : undefined),
  });
}

/** Texts by a key, each key by a rule too. */
export function textMap(keyRule: TextRule, valueRule: TextRule) {
  const key = z.string().superRefine((name, context) => {
    const fault = keyRule(name);
    if (fault === null) return;
    const params: FieldFault = { wanted: null, hint: fault.hint };
    context.addIssue({ code: 'custom', message: fault.reason, params: { ...params } });
  });
  return z.record(key, text(valueRule));
}
