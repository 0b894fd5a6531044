import type { ControlLoop } from '../../../control/loop/loop.ts';
import { RouterError } from '../../../ports/traffic-router.ts';

/** Whether the gateway has the routes as they are now. What is recorded follows with the next table in any case. */
export async function areRoutesInForce(
  loop: Pick<ControlLoop, 'pushRoutes'>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await loop.pushRoutes(signal);
    return true;
  } catch (error) {
    if (error instanceof RouterError || signal.aborted) return false;
    throw error;
  }
}
