import type { Revision } from '../../domain/release/revision.ts';
import { availableAtLeast } from '../../domain/scaling/disruption-budget.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Instance, Platform } from '../../ports/platform.ts';

/** Between two looks whether enough others serve. */
const lookMs = 100;

export interface Disruption {
  readonly revision: Revision;
  /** Who is to be stopped. */
  readonly going: readonly string[];
  /** How many instances the budget is a part of. */
  readonly wanted: number;
  /** Starts one more, where that is the way to let one go. */
  readonly surge?: () => Promise<void>;
}

/**
 * Holds a stop back until the service's budget allows it: enough others serve, of whatever revision. Who does not serve may always
 * go. A newer order, or the end of the loop, ends the wait by the signal; a way back waits for nobody, as it stops no instance by this.
 */
export class DisruptionGuard {
  readonly #platform: Platform;
  readonly #clock: Clock;
  /** Others that are on their way out; shared. */
  readonly #leaving: ReadonlySet<string>;

  constructor(parts: {
    readonly platform: Platform;
    readonly clock: Clock;
    readonly leaving: ReadonlySet<string>;
  }) {
    this.#platform = parts.platform;
    this.#clock = parts.clock;
    this.#leaving = parts.leaving;
  }

  async allow(disruption: Disruption, signal: AbortSignal): Promise<void> {
    const { revision, surge } = disruption;
    if (revision.disruptionBudget === undefined) return;
    let isSurged = false;
    while (!this.#isAllowed(await this.#platform.observe(signal), disruption)) {
      if (!isSurged) await surge?.();
      isSurged = true;
      await this.#clock.sleep(lookMs, signal);
    }
  }

  #isAllowed(instances: readonly Instance[], disruption: Disruption): boolean {
    const { revision, going, wanted } = disruption;
    const serving = instances.filter((each) => {
      const isServing = each.state === 'ready' && each.isEjected !== true;
      return each.service === revision.service && isServing && !this.#leaving.has(each.id);
    });
    const missed = serving.filter(({ id }) => going.includes(id)).length;
    if (missed === 0 || revision.disruptionBudget === undefined) return true;
    return serving.length - missed >= availableAtLeast(revision.disruptionBudget, wanted);
  }
}
