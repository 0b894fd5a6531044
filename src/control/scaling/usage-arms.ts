import type { Revision } from '../../domain/release/revision.ts';
import { scalingSentence } from '../../domain/release/wording/scaling-sentence.ts';
import {
  type HorizontalDecision,
  type HorizontalScaling,
  type HorizontalState,
  openHorizontal,
  scaleHorizontally,
} from '../../domain/scaling/horizontal.ts';
import type { ArmLook } from './arm-look.ts';
import type { LoadWatch, Moment } from './load-watch.ts';

/** How many instances each arm wants by what its instances use; remembers what windows and policies need. */
export class UsageArms {
  readonly #states = new Map<string, HorizontalState>();

  lookAt(
    revision: Revision,
    scale: HorizontalScaling,
    watch: LoadWatch,
    at: Moment & { readonly present: number; readonly atLeast: number },
  ): ArmLook {
    const usages = new Map(
      scale.targets.map(({ metric }) => [metric, watch.usages(metric, revision, at)]),
    );
    const { nowMs: atMs, present, atLeast } = at;
    const before = this.#states.get(revision.id) ?? openHorizontal;
    const look = { atMs, present, atLeast, usages };
    const { state, decision } = scaleHorizontally(scale, before, look);
    this.#states.set(revision.id, state);
    return lookOf(scale, decision);
  }

  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#states.keys()) if (!ids.has(id)) this.#states.delete(id);
  }
}

function lookOf(scale: HorizontalScaling, decision: HorizontalDecision): ArmLook {
  return {
    desired: decision.instances,
    limitedBy: decision.limitedBy,
    metrics: scale.targets.map(({ metric, perInstance: target }) => {
      const advice = decision.advice.find((each) => each.metric === metric);
      const perInstance = advice?.perInstance ?? null;
      const instances = perInstance === null ? null : (advice?.instances ?? null);
      return { metric, perInstance, target, instances };
    }),
    sentence: scalingSentence(scale, decision),
  };
}
