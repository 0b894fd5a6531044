import assert from 'node:assert/strict';
import type { JsonObject } from '../../src/domain/evidence/canonical-json.ts';
import type { Ports } from './faulty-ports.ts';
import type { Happening, Of } from './happening.ts';
import type { Story } from './world.ts';

/** Ways to retell a true story with a lie in it, and to put something broken between the control plane and the world. */
export function entryOf(
  story: Story,
  ...[decision, nth, other]: [string, number, string?]
): Of<'entry'> {
  const entries = story.happenings.filter((each) => each.kind === 'entry');
  const named = (name: string) =>
    entries.filter(({ statement }) => (statement.data as JsonObject)['decision'] === name);
  const entry = named(decision)[nth] ?? named(other ?? decision).at(-1);
  assert.ok(entry !== undefined, `the story has no ${decision}`);
  return entry;
}

export function said(entry: Of<'entry'>, changes: JsonObject): Of<'entry'> {
  const data = { ...(entry.statement.data as JsonObject), ...changes };
  return { ...entry, statement: { ...entry.statement, data } };
}

export function withHappenings(story: Story, change: (each: Happening) => Happening): Story {
  return { ...story, happenings: story.happenings.map(change) };
}

export function inserted(story: Story, after: Happening, ...more: readonly Happening[]): Story {
  const place = story.happenings.indexOf(after) + 1;
  return { ...story, happenings: story.happenings.toSpliced(place, 0, ...more) };
}

export function withPlatform(ports: Ports, changes: Partial<Ports['platform']>): Ports {
  const { platform } = ports;
  return {
    ...ports,
    platform: {
      ensure: (revision, count, signal) => platform.ensure(revision, count, signal),
      replace: (revision, wanted, signal) => platform.replace(revision, wanted, signal),
      stop: (revision, signal) => platform.stop(revision, signal),
      observe: (signal) => platform.observe(signal),
      logs: (query, signal) => platform.logs(query, signal),
      ...changes,
    },
  };
}
