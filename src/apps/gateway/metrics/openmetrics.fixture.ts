import assert from 'node:assert/strict';

/** For tests: a sample as OpenMetrics 1.0 writes it, with what stands behind `#`. */
export interface OpenSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar: {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  } | null;
}

export interface OpenFamily {
  readonly name: string;
  readonly type: string;
  readonly unit: string | null;
  readonly samples: readonly OpenSample[];
}

const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  info: ['_info'],
  histogram: ['_bucket', '_sum', '_count'],
};
const sampleLine =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^#]*\})? (\S+)(?: # (\{.*\}) (\S+) (\d+(?:\.\d+)?))?$/;

/**
 * Reads OpenMetrics 1.0 (RFC draft-richih-opsawg-openmetrics) and holds the text to what it demands: families whole and
 * once, metadata before samples, a name that ends in its unit, suffixes by type, each series once, buckets that grow and end
 * in +Inf with the count, counters that are not negative, exemplars in buckets only and within them, the end mark.
 */
export function parseOpenMetrics(text: string): ReadonlyMap<string, OpenFamily> {
  assert.ok(text.endsWith('\n# EOF\n'), 'the text must end in # EOF');
  const families = new Map<
    string,
    { name: string; type: string; unit: string | null; samples: OpenSample[] }
  >();
  let last: { name: string; type: string; unit: string | null; samples: OpenSample[] } | null =
    null;
  for (const line of text.slice(0, -'# EOF\n'.length).trimEnd().split('\n')) {
    const [, keyword, name = '', rest = ''] = /^# (TYPE|UNIT|HELP) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === 'TYPE') {
      assert.ok(!families.has(name), `family ${name} must be there once`);
      assert.ok(rest in suffixes, `${line}: unknown type`);
      last = { name, type: rest, unit: null, samples: [] };
      families.set(name, last);
      continue;
    }
    if (keyword !== undefined) {
      assert.equal(name, last?.name, `${line}: must follow the TYPE of its family`);
      assert.deepEqual(last?.samples, [], `${line}: must stand before the samples`);
      if (keyword === 'UNIT' && last !== null) last.unit = rest;
      if (keyword === 'UNIT')
        assert.ok(name.endsWith(`_${rest}`), `${line}: the name must end in it`);
      continue;
    }
    const sample = sampleOf(line);
    assert.ok(last !== null, `${line}: no family before it`);
    const { type, samples } = last;
    const known: string = last.name;
    const suffix = sample.name.slice(known.length);
    assert.ok(
      sample.name.startsWith(known) && suffixes[type]?.includes(suffix),
      `${line}: not of ${known}`,
    );
    if (suffix !== '_bucket')
      assert.equal(sample.exemplar, null, `${line}: no exemplar may be here`);
    if (type === 'counter') assert.ok(sample.value >= 0, `${line}: a counter is never negative`);
    samples.push(sample);
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

function sampleOf(line: string): OpenSample {
  const [, name = '', labels, value = '', exemplarLabels, exemplarValue] =
    sampleLine.exec(line) ?? assert.fail(`not a sample: ${line}`);
  return {
    name,
    labels: labels === undefined ? {} : labelsOf(labels),
    value: numberOf(value),
    exemplar:
      exemplarLabels === undefined
        ? null
        : { labels: labelsOf(exemplarLabels), value: numberOf(exemplarValue ?? '') },
  };
}

function numberOf(text: string): number {
  if (text === '+Inf') return Infinity;
  assert.match(text, /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/, `not a number: ${text}`);
  return Number(text);
}

function labelsOf(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  let rest = text.slice(1, -1);
  while (rest !== '') {
    const [all = '', name = '', value = ''] =
      /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,(?=.)|$)/.exec(rest) ??
      assert.fail(`not a label: ${rest}`);
    assert.ok(!(name in labels), `label ${name} twice`);
    assert.notEqual(value, '', `label ${name} is empty, which says nothing`);
    labels[name] = value.replace(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign));
    rest = rest.slice(all.length);
  }
  return labels;
}

function checkFamily({ name, type, samples }: OpenFamily): void {
  assert.ok(samples.length > 0, `family ${name} has no sample`);
  const keys = samples.map(({ name: own, labels }) => `${own} ${JSON.stringify(sorted(labels))}`);
  assert.equal(new Set(keys).size, keys.length, `a series of ${name} is there twice`);
  if (type !== 'histogram') return;
  const groups = Map.groupBy(samples, ({ labels }) =>
    JSON.stringify(sorted({ ...labels, le: '' })),
  );
  for (const group of groups.values()) checkHistogram(name, group);
}

function checkHistogram(name: string, group: readonly OpenSample[]): void {
  const buckets = group.filter((each) => each.name === `${name}_bucket`);
  const count = group.find((each) => each.name === `${name}_count`)?.value;
  assert.ok(
    group.some((each) => each.name === `${name}_sum`),
    `${name} has no sum`,
  );
  let below = 0;
  let from = -Infinity;
  for (const { labels, value, exemplar } of buckets) {
    const le = numberOf(labels['le'] ?? '');
    assert.match(labels['le'] ?? '', /\.|e|Inf/, 'whole bounds are written with a point');
    assert.ok(le > from && value >= below, `buckets of ${name} must grow`);
    if (exemplar !== null) {
      assert.ok(
        exemplar.value > from && exemplar.value <= le,
        `an exemplar of ${name} in another bucket`,
      );
    }
    [below, from] = [value, le];
  }
  assert.equal(from, Infinity, `${name} must have a bucket +Inf`);
  assert.equal(below, count, `${name}: the last bucket must have them all`);
}

function sorted(labels: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(labels).toSorted(([left], [right]) => (left < right ? -1 : 1));
}
