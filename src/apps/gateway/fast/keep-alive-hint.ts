import type { Head } from '../http1/head.ts';
import { known } from '../http1/known-headers.ts';

/** Below the 5 s after which servers of Node.js close an idle connection. */
const usualMs = 4000;
const longestMs = 60_000;
/** A request that is sent while the other side closes is lost; so we close first. */
const marginMs = 1000;

/** How long a connection may be idle after this answer: by `Keep-Alive: timeout=SECONDS`, if the instance says so. */
export function keepMsOf(head: Head): number {
  const index = head.indexOf(known.keepAlive);
  if (index < 0) return usualMs;
  const seconds = /(?:^|[\s,;])timeout=(\d{1,6})(?:$|[\s,;])/i.exec(head.value(index))?.[1];
  if (seconds === undefined) return usualMs;
  return Math.min(longestMs, Math.max(0, Number(seconds) * 1000 - marginMs));
}
