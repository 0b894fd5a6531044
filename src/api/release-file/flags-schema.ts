import { z } from 'zod';
import { type FieldFault, field, mapping, matching, percent, text } from './fields.ts';
import { flagChecks, type FlagInput } from './flag-checks.ts';
import { quoted, read, type Reading, refused, wrongType } from './reading.ts';

const nameLengthMax = 64;
const flagsMax = 64;
const valuesMax = 64;
const textLengthMax = 1024;
const objectLengthMax = 4096;
const totalLengthMax = 16_384;

const nameRule = matching(
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
  "a name of letters and digits, with inner '-', '_' and '.'",
  nameLengthMax,
);

/** `flags:` of a service, by key. */
export function flagsSchema() {
  return z.record(nameKey(), flagSchema()).superRefine((flags, context) => {
    const count = Object.keys(flags).length;
    if (count < 1 || count > flagsMax) {
      context.addIssue({
        code: 'custom',
        message: `must have 1 to ${flagsMax} flags, not ${count}`,
      });
    }
    const { length } = JSON.stringify(flags);
    if (length <= totalLengthMax) return;
    const message = `have ${length} characters as JSON, more than ${totalLengthMax}`;
    context.addIssue({ code: 'custom', message });
  });
}

/** `flags:` of a step: the variant that each gives from there on. */
export function turnsSchema() {
  return z.record(nameKey(), text(nameRule)).superRefine((turns, context) => {
    if (Object.keys(turns).length > 0) return;
    context.addIssue({ code: 'custom', message: 'must name at least one flag and its variant' });
  });
}

function flagSchema() {
  const flag = mapping({
    ...settings(),
    variants: z.record(nameKey(), variantValue()),
    defaultVariant: text(nameRule),
    environments: z.record(nameKey(), mapping(settings())).optional(),
  });
  return flag.superRefine((written: FlagInput, context) => {
    for (const { path, message, hint = null } of flagChecks(written)) {
      const params: FieldFault = { wanted: null, hint };
      context.addIssue({ code: 'custom', path: [...path], message, params: { ...params } });
    }
  });
}

/** What an environment may have of its own. */
function settings() {
  return {
    state: field(readState, { type: 'string', enum: states }).optional(),
    defaultVariant: text(nameRule).optional(),
    targeting: z.array(ruleSchema()).optional(),
  };
}

const states = ['ENABLED', 'DISABLED'] as const;

function readState(input: unknown): Reading<(typeof states)[number]> {
  const state = states.find((each) => each === input);
  if (state !== undefined) return read(state);
  if (typeof input !== 'string') return wrongType('a text', 'ENABLED or DISABLED');
  return refused(`must be ENABLED or DISABLED, not ${quoted(input)}`);
}

function ruleSchema() {
  return mapping({
    when: z.record(nameKey(), attributeValues()).optional(),
    variant: text(nameRule).optional(),
    split: z.record(nameKey(), share()).optional(),
  });
}

function share() {
  const bounds = { unit: '%', minPercent: 0.1, maxPercent: 100, examplePercent: 10 } as const;
  return percent(bounds).superRefine((value, context) => {
    if (Number.isInteger(Number((value * 10).toFixed(9)))) return;
    context.addIssue({ code: 'custom', message: `must be a multiple of 0.1%, not ${value}%` });
  });
}

type Scalar = string | number | boolean;

/** One value, or any of several. */
function attributeValues() {
  const schema = field(readValues, { type: 'string' });
  return schema.meta({ type: ['string', 'number', 'boolean', 'array'] });
}

function readValues(input: unknown): Reading<readonly Scalar[]> {
  const written: readonly unknown[] = Array.isArray(input) ? input : [input];
  const values = written.filter(isScalar);
  if (written.length === 0) return refused('must have at least one value');
  if (values.length < written.length) {
    return wrongType('a text, a number, true or false, or a list of them', 'such as [de, at]');
  }
  if (values.length > valuesMax) return refused(`has more than ${valuesMax} values`);
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) return refused(`names ${JSON.stringify(twice)} twice`);
  const long = values.find((each) => typeof each === 'string' && each.length > textLengthMax);
  if (long !== undefined) return refused(`has a text of more than ${textLengthMax} characters`);
  return read(values);
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

type JsonObject = { readonly [key: string]: Json };
type Json = null | Scalar | readonly Json[] | JsonObject;

function variantValue() {
  const schema = field(readVariant, { type: 'string' });
  return schema.meta({ type: ['boolean', 'string', 'number', 'object'] });
}

function readVariant(input: unknown): Reading<Scalar | JsonObject> {
  if (typeof input === 'number' && !Number.isFinite(input)) return refused('must be finite');
  if (typeof input === 'string' && input.length > textLengthMax) {
    return refused(`must have at most ${textLengthMax} characters, not ${input.length}`);
  }
  if (isScalar(input)) return read(input);
  if (!isObject(input)) return wrongType('true or false, a text, a number or a mapping');
  const { length } = JSON.stringify(input);
  if (length <= objectLengthMax) return read(input);
  return refused(`must have at most ${objectLengthMax} characters as JSON, not ${length}`);
}

/** What comes of YAML is JSON: the reader of documents refuses the rest. */
function isObject(input: unknown): input is JsonObject {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}

function nameKey() {
  return z.string().superRefine((name, context) => {
    const fault = nameRule(name);
    if (fault === null) return;
    const params: FieldFault = { wanted: null, hint: fault.hint };
    context.addIssue({ code: 'custom', message: fault.reason, params: { ...params } });
  });
}
