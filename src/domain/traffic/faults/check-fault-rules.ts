import type { Note } from '../routing/check-header-name.ts';
import { checkMatch, checkPercent, ruleLimits } from '../routing/check-route-rules.ts';
import { type FaultRule, faultLimits } from './fault-rule.ts';

/** Notes everything that is wrong with a route's faults. What they name may have left the route meanwhile: they end by time. */
export function checkFaults(faults: readonly FaultRule[], place: string, note: Note): void {
  if (faults.length > faultLimits.faultsPerRoute) {
    note(place, `more than ${faultLimits.faultsPerRoute}`);
    return;
  }
  const ids = new Set<string>();
  for (const [index, fault] of faults.entries()) {
    const at = `${place}[${index}]`;
    if (!idPattern.test(fault.id) || fault.id.length > faultLimits.idLength || ids.has(fault.id)) {
      note(`${at}.id`, `'${fault.id.slice(0, 70)}' must be an id of its own: letters, digits, -`);
    }
    ids.add(fault.id);
    checkFault(fault, at, note);
  }
}

/** An id goes into logs and labels as it is. */
const idPattern = /^[A-Za-z0-9-]+$/;

function checkFault({ untilMs, matches, delay, abort }: FaultRule, at: string, note: Note): void {
  if (!Number.isSafeInteger(untilMs) || untilMs < 0) {
    note(`${at}.untilMs`, `must be a time in ms since 1970, but is ${untilMs}`);
  }
  if (matches.length > ruleLimits.matchesPerRule) {
    note(`${at}.matches`, `more than ${ruleLimits.matchesPerRule}`);
  } else {
    for (const [index, match] of matches.entries()) {
      checkMatch(match, `${at}.matches[${index}]`, note);
    }
  }
  if (delay === undefined && abort === undefined) note(at, 'must have a delay or an abort');
  if (delay !== undefined) {
    checkPercent(delay.percent, `${at}.delay.percent`, note);
    const max = faultLimits.fixedDelayMs;
    if (!isIntegerIn(delay.fixedDelayMs, 1, max)) {
      note(`${at}.delay.fixedDelayMs`, `must be 1-${max}, but is ${delay.fixedDelayMs}`);
    }
  }
  if (abort === undefined) return;
  checkPercent(abort.percent, `${at}.abort.percent`, note);
  if (abort.with !== 'reset' && !isIntegerIn(abort.with, 400, 599)) {
    note(`${at}.abort.with`, `must be 400-599 or 'reset', but is ${abort.with}`);
  }
}

function isIntegerIn(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}
