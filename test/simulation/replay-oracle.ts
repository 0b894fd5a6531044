import { replayEntry } from '../../src/control/replay/replay.ts';
import { emptyService, type ServiceState } from '../../src/domain/release/service-state.ts';
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
    const { collector, data, inputs } = statement;
    const replayed = await replayEntry(
      states.get(name) ?? emptyService(name),
      { index, version: collector.version, data, inputs },
      (sha256) => story.store.blob(sha256, signal),
    );
    for (const each of replayed.differences) {
      note(`${each.what}; replay gives ${JSON.stringify(each.replayed)}`);
    }
    states.set(name, replayed.state);
  }
  return findings;
}
