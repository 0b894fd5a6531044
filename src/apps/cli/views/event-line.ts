import type { LedgerEvent, LogLine } from '../../../api/client/generated/schemas.ts';
import { harmless, type Look, paint } from '../look.ts';

/** `12  10:31:02.120  checkout  moved to 10 %: ... (by ann: "why")`. Times are in UTC, as in the ledger. */
export function eventLine(event: LedgerEvent, look: Look): string {
  const clock = event.at.slice(11, 23).replace('Z', '');
  const by = event.by === null ? '' : ` (by ${event.by.who}${quoted(event.by.why)})`;
  const parts = [
    paint(look, 'faint', `${event.index}`),
    paint(look, 'faint', clock),
    paint(look, 'bold', event.service ?? '-'),
    event.type,
    event.severity === 'warning'
      ? paint(look, 'yellow', harmless(event.sentence + by))
      : harmless(event.sentence + by),
  ];
  return parts.join('  ');
}

/** Which instance said it stands before the line only when more than one may speak. */
export function logLine(line: LogLine, options: { isPrefixed: boolean; look: Look }): string {
  if (!options.isPrefixed) return line.text;
  return `${paint(options.look, 'faint', `[${line.instanceId}]`)} ${line.text}`;
}

function quoted(why: string | null): string {
  return why === null ? '' : `: "${why}"`;
}
