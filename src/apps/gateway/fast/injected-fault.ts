import { countAbort, type Fault, faultRefusal } from '../fault-injection.ts';
import type { Target } from '../live-revision.ts';
import type { Refusal } from '../refusal.ts';
import type { InstanceLink } from './instance-link.ts';
import type { Parts } from './parts.ts';

/** Goes on when the fault's delay is over; at once, if it has none or too many are held up already. */
export function afterDelay(
  { metrics }: Pick<Parts, 'metrics'>,
  link: InstanceLink,
  { fault, target }: { readonly fault: Fault; readonly target: Target },
  goOn: () => void,
): void {
  if (fault.delayMs === 0 || !link.holdUp(fault.delayMs, goOn)) goOn();
  else metrics.faults.injected(target.counter.service, 'delay');
}

/** Counts a request that ends on purpose before any instance is asked, and says what it gets; null: a reset. */
export function countedAbort(
  { metrics }: Pick<Parts, 'metrics'>,
  fault: Fault,
  target: Target,
  startedMs: number,
): Refusal | null {
  const { abort, rule } = fault;
  if (abort === null) return null;
  countAbort(target, fault, startedMs);
  metrics.faults.injected(target.counter.service, abort === 'reset' ? abort : 'abort');
  return abort === 'reset' ? null : faultRefusal(abort, rule);
}
