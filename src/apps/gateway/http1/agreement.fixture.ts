import type { TheirReading } from './llhttp-reading.fixture.ts';
import type { Message, Reading } from './reading.fixture.ts';

/**
 * What we would have passed on though another parser refuses it or reads it otherwise; null: nothing. Our refusing what
 * they take is no fault.
 */
export function disagreement(ours: Reading, theirs: TheirReading): string | null {
  for (const [index, message] of ours.messages.entries()) {
    const other = theirs.messages[index];
    if (other === undefined) return `message ${index}: they have no such head`;
    const fault = differs(message, other);
    if (fault !== null) return `message ${index}: ${fault}`;
  }
  return null;
}

function differs(ours: Message, theirs: Message): string | null {
  if (ours.start !== theirs.start) return `ours begins ${ours.start}, theirs ${theirs.start}`;
  if (ours.headers.join('\n') !== theirs.headers.join('\n')) {
    return `our headers ${JSON.stringify(ours.headers)}, theirs ${JSON.stringify(theirs.headers)}`;
  }
  if (ours.isWhole) {
    if (!theirs.isWhole) return 'whole for us, not for them';
    return ours.body === theirs.body ? null : `our body ${ours.body}, theirs ${theirs.body}`;
  }
  return theirs.body.startsWith(ours.body)
    ? null
    : `our partial body ${ours.body} is not in ${theirs.body}`;
}
