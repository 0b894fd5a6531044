import { unpackEvents, unpackState } from '../../src/control/journal.ts';
import { eventsInput, stateInput } from '../../src/control/recovery.ts';
import { decide } from '../../src/domain/release/decide.ts';
import {
  emptyService,
  type ReleaseRecord,
  type ServiceState,
} from '../../src/domain/release/service-state.ts';
import type { Finding } from './oracle.ts';
import type { Story } from './world.ts';

/**
 * O7, second half, the one rule that uses the decider: whoever replays the events kept in the ledger, from nothing, gets
 * the records of the ledger and the states kept beside them. That is what recovery and an auditor rest on.
 */
export async function replayFindings(story: Story): Promise<readonly Finding[]> {
  const { signal } = new AbortController();
  const states = new Map<string, ServiceState>();
  const findings: Finding[] = [];
  const entries = story.happenings.filter((each) => each.kind === 'entry');
  const { size } = await story.store.head(signal);
  if (size !== entries.length) {
    const text = `the ledger has ${size} entries, ${entries.length} were appended`;
    findings.push({ rule: 'O7', atMs: story.endedAtMs, text });
  }
  for (const { statement, index } of entries) {
    if (!statement.stream.startsWith('service/')) continue;
    const name = statement.stream.slice('service/'.length);
    const note = (text: string): void => {
      findings.push({ rule: 'O7', atMs: statement.observedAtMs, text: `entry ${index}: ${text}` });
    };
    const blob = async (input: string): Promise<Uint8Array | null> => {
      const sha256 = statement.inputs.find((each) => each.name === input)?.sha256;
      return sha256 === undefined ? null : story.store.blob(sha256, signal);
    };
    let state = states.get(name) ?? emptyService(name);
    let record: ReleaseRecord | null = null;
    const events = await blob(eventsInput);
    for (const event of events === null ? [] : unpackEvents(events)) {
      if (record !== null) note('an event before the last one led to a record');
      const decision = decide(state, event);
      state = decision.state;
      record = decision.record;
    }
    if (!isSame(record, statement.data)) note(`replay gives ${JSON.stringify(record)}`);
    const kept = await blob(stateInput);
    if (kept !== null && !isSame(unpackState(kept), state)) note('replay gives another state');
    states.set(name, state);
  }
  return findings;
}

/** Whether two plain JSON values are equal, whatever the order of their keys. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length || Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return keys.every((key) => Object.hasOwn(right, key) && isSame(left[key], right[key]));
}
