import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/**
 * Has the calling thread yield the processor to the others of this process, and to whoever else is busy: nice 10 is about a tenth of
 * a busy core, and all of an idle one. Returns the thread's number, or null where that can't be done and all stays as it was.
 *
 * On Linux a nice value belongs to a thread, not to a process (setpriority(2), "C library/kernel differences"), and proc(5) has
 * the calling thread's number. Lowering needs no privilege.
 */
export function lowerPriority(): number | null {
  try {
    const thread = Number(/^\d+\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1]);
    if (!Number.isInteger(thread)) return null;
    // Raised again, it would take from others what somebody has given them.
    if (getPriority(thread) < yieldingNice) setPriority(thread, yieldingNice);
    return thread;
  } catch {
    // Another system, or no /proc: spans are exported all the same, only not as politely.
    return null;
  }
}

export const yieldingNice = 10;
