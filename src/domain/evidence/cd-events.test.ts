import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonObject, JsonValue } from './canonical-json.ts';
import { cloudEventsOf, type EventfulEntry } from './cd-events.ts';

const SOURCE = {
  origin: `tidegate.dev/ledger/${'ab'.repeat(32)}`,
  environment: 'local',
  timeText: (atMs: number) => new Date(atMs).toISOString(),
};
const RECORD = {
  service: 'pay',
  rolloutId: 'pay-2',
  fromRevisionId: 'pay-1111111111',
  toRevisionId: 'pay-2222222222',
  sentence: 'said so',
};

/** What an entry's data says, the events it makes, and the artifact that the first one names. */
const ROWS: readonly (readonly [
  name: string,
  data: JsonValue,
  kinds: readonly string[],
  artifactId: string | null,
])[] = [
  [
    'a first revision',
    record({ decision: 'promoted', fromRevisionId: null }),
    ['service.deployed', 'service.published'],
    'pkg:generic/pay@2222222222',
  ],
  [
    'a promotion',
    record({ decision: 'promoted' }),
    ['service.upgraded', 'service.published'],
    'pkg:generic/pay@2222222222',
  ],
  [
    'an undo by a person',
    record({ decision: 'promoted', rolloutKind: 'undo' }),
    ['service.rolledback', 'service.published'],
    'pkg:generic/pay@2222222222',
  ],
  [
    'an undo that was rolled back itself',
    record({ decision: 'rolled-back', rolloutKind: 'undo' }),
    ['service.rolledback'],
    'pkg:generic/pay@1111111111',
  ],
  [
    'a way back',
    record({ decision: 'rolled-back' }),
    ['service.rolledback'],
    'pkg:generic/pay@1111111111',
  ],
  [
    'a first revision given up',
    record({ decision: 'rolled-back', fromRevisionId: null }),
    ['service.removed'],
    null,
  ],
  ['a service deleted', record({ decision: 'delete', rolloutId: null }), ['service.removed'], null],
  ['an alert', record({ decision: 'alert' }), ['incident.detected'], 'pkg:generic/pay@2222222222'],
  [
    'its end',
    record({ decision: 'alert-over' }),
    ['incident.resolved'],
    'pkg:generic/pay@2222222222',
  ],
  ['progress', record({ decision: 'progress' }), [], null],
  ['a key event', { action: 'enrol' }, [], null],
  ['nothing', null, [], null],
];

for (const [name, data, kinds, artifactId] of ROWS) {
  test(`${name} is ${kinds.join(' and ') || 'no event'}, as the specification wants it`, () => {
    const events = cloudEventsOf(entry(data), SOURCE);
    assert.deepEqual(
      events.map(({ type }) => type),
      kinds.map((kind) => `dev.cdevents.${kind}.0.2.0`),
    );
    for (const event of events) checkCloudEvent(event as unknown as JsonObject);
    const [first] = events;
    if (artifactId !== null)
      assert.equal(object(object(first?.data['subject'])['content'])['artifactId'], artifactId);
  });
}

test('the same entry makes the same events, a rollout is one chain, and no two events share an id', () => {
  const promoted = entry(record({ decision: 'promoted' }));
  assert.deepEqual(cloudEventsOf(promoted, SOURCE), cloudEventsOf(promoted, SOURCE));
  const all = [promoted, { ...entry(record({ decision: 'rolled-back' })), index: 8 }].flatMap(
    (each) => cloudEventsOf(each, SOURCE),
  );
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  const chains = all.map(({ data }) => object(data['context'])['chainId']);
  assert.equal(new Set(chains).size, 1);
  assert.match(
    text(chains[0]),
    /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

test('names that a URL would take apart are written in their place', () => {
  const [event] = cloudEventsOf(
    entry(record({ decision: 'promoted', service: 'a/b c', toRevisionId: 'a/b c-1@2' })),
    SOURCE,
  );
  assert.equal(
    object(object(event?.data['subject'])['content'])['artifactId'],
    'pkg:generic/a%2Fb%20c@1%402',
  );
});

/** The rules of the JSON schemas of CDEvents 0.4 for these kinds, and of CloudEvents 1.0: required keys, and no others. */
function checkCloudEvent(event: JsonObject): void {
  keys(event, [
    'specversion',
    'id',
    'source',
    'type',
    'subject',
    'time',
    'datacontenttype',
    'data',
  ]);
  assert.equal(event['specversion'], '1.0');
  assert.equal(event['datacontenttype'], 'application/json');
  const data = object(event['data']);
  keys(data, ['context', 'subject', 'customData', 'customDataContentType']);
  const context = object(data['context']);
  keys(context, ['version', 'id', 'source', 'type', 'timestamp'], ['chainId']);
  for (const value of Object.values(context)) assert.ok(typeof value === 'string' && value !== '');
  assert.equal(context['version'], '0.4.1');
  for (const key of ['id', 'source', 'type']) assert.equal(event[key], context[key]);
  assert.equal(event['time'], context['timestamp']);
  assert.match(text(context['timestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const subject = object(data['subject']);
  keys(subject, ['id', 'source', 'type', 'content']);
  assert.equal(event['subject'], subject['id']);
  const content = object(subject['content']);
  const kind = text(context['type'])
    .replace(/^dev\.cdevents\./, '')
    .replace(/\.0\.2\.0$/, '');
  keys(content, ...(CONTENT[kind] ?? assert.fail(`${kind} is no kind of CDEvents`)));
  keys(object(content['environment']), ['id'], ['source']);
  assert.equal(subject['type'], kind.split('.')[0]);
  if ('artifactId' in content)
    assert.match(text(content['artifactId']), /^pkg:generic\/[^@]+@[^@]+$/);
}

const CONTENT: Readonly<Record<string, readonly [required: string[], optional: string[]]>> = {
  'service.deployed': [['environment', 'artifactId'], []],
  'service.upgraded': [['environment', 'artifactId'], []],
  'service.rolledback': [['environment', 'artifactId'], []],
  'service.removed': [['environment'], []],
  'service.published': [['environment'], []],
  'incident.detected': [['environment'], ['description', 'service', 'artifactId']],
  'incident.resolved': [['environment'], ['description', 'service', 'artifactId']],
};

function keys(
  value: JsonObject,
  required: readonly string[],
  optional: readonly string[] = [],
): void {
  for (const key of required) assert.ok(Object.hasOwn(value, key), `${key} is missing`);
  const known = [...required, ...optional];
  for (const key of Object.keys(value)) assert.ok(known.includes(key), `${key} is unknown`);
}

function record(change: JsonObject): JsonObject {
  return { ...RECORD, ...change };
}

function entry(data: JsonValue): EventfulEntry {
  return {
    index: 7,
    leafHash: 'cd'.repeat(32),
    type: 'decision',
    observedAtMs: 1_700_000_000_000,
    data,
  };
}

function text(value: JsonValue | undefined): string {
  assert.ok(typeof value === 'string');
  return value;
}

function object(value: JsonValue | undefined): JsonObject {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value));
  return value as JsonObject;
}
