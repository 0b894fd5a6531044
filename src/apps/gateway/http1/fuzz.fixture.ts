import { isDeepStrictEqual } from 'node:util';
import { disagreement } from './agreement.fixture.ts';
import type { TheirReading } from './llhttp-reading.fixture.ts';
import { mutate, randomFrom } from './mutation.fixture.ts';
import type { ReadConnection, Reading } from './reading.fixture.ts';

export interface FuzzSubject {
  readonly rows: readonly string[];
  readonly read: ReadConnection;
  /** With limits that let through what the first added to. */
  readonly readSent: ReadConnection;
  readonly llhttp: (octets: Buffer) => TheirReading;
  /** Asked only of what we would pass on, for it is slow. */
  readonly node: ((octets: Buffer) => Promise<TheirReading>) | null;
}

export interface FuzzReport {
  cases: number;
  /** With at least one whole message. */
  passed: number;
  byNode: number;
  /** Heads that ours took and llhttp did not, or not in the same way. The pair refuses them. */
  secondOpinions: string[];
  readonly faults: string[];
}

/** Long rows are about limits; changing them finds nothing and takes long. */
const rowBytesMax = 1000;
const faultsMax = 5;

/**
 * Changes rows of the corpus and looks for what must not be: that we pass on what another parser refuses or reads
 * otherwise, that cutting the bytes changes the verdict, that what we send is not read as what we took.
 */
export async function fuzz(
  subject: FuzzSubject,
  options: { readonly seed: number; readonly goesOn: (cases: number) => boolean },
): Promise<FuzzReport> {
  const random = randomFrom(options.seed);
  const rows = subject.rows.filter((row) => row.length <= rowBytesMax && row.length > 0);
  const report: FuzzReport = { cases: 0, passed: 0, byNode: 0, secondOpinions: [], faults: [] };
  while (options.goesOn(report.cases) && report.faults.length < faultsMax) {
    const text = mutate(rows[random(rows.length)] ?? '', rows, random);
    const cuts = Array.from({ length: random(4) }, () => random(text.length + 1));
    await tryCase(subject, { text, cuts: cuts.toSorted((a, b) => a - b) }, report);
  }
  return report;
}

interface Case {
  readonly text: string;
  readonly cuts: readonly number[];
}

async function tryCase(
  subject: FuzzSubject,
  { text, cuts }: Case,
  report: FuzzReport,
): Promise<void> {
  const octets = Buffer.from(text, 'latin1');
  const ours = subject.read(octets, []);
  report.cases += 1;
  const fault = (what: string) => report.faults.push(`${what}: ${JSON.stringify(text)}`);
  if (ours.end[1] === 'second-opinion') report.secondOpinions.push(text);
  if (!isDeepStrictEqual(subject.read(octets, cuts), ours))
    fault(`cut at ${cuts.join(' ')} it reads otherwise`);
  if (ours.messages.length === 0) return;
  const byLlhttp = disagreement(ours, subject.llhttp(octets));
  if (byLlhttp !== null) fault(`llhttp: ${byLlhttp}`);
  if (ours.sent.length === 0) return;
  report.passed += 1;
  const lost = sentOtherwise(subject, ours);
  if (lost !== null) fault(lost);
  // node:http reads no further behind a request with Upgrade, whatever shouldUpgradeCallback says.
  if (subject.node === null || /^upgrade:/im.test(text)) return;
  report.byNode += 1;
  const byNode = disagreement(ours, await subject.node(octets));
  if (byNode !== null) fault(`node:http: ${byNode}`);
}

/** What we send must be one message to each parser, with the body that we took. */
function sentOtherwise(subject: FuzzSubject, ours: Reading): string | null {
  for (const [index, text] of ours.sent.entries()) {
    const octets = Buffer.from(text, 'latin1');
    const again = subject.readSent(octets, []);
    const theirs = subject.llhttp(octets);
    const body = ours.messages[index]?.body;
    const isOne = (messages: Reading['messages']) =>
      messages.length === 1 && messages[0]?.isWhole === true && messages[0].body === body;
    if (again.end !== 'done' || !isOne(again.messages))
      return `we refuse what we sent, ${JSON.stringify(text)}`;
    if (theirs.isRefused || theirs.messages.length !== 1 || theirs.messages[0]?.body !== body) {
      return `llhttp refuses what we sent, ${JSON.stringify(text)}`;
    }
  }
  return null;
}
