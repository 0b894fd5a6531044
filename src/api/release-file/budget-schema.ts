import { mapping } from './fields.ts';
import { amount, type AmountInput } from './strategy-schema.ts';

export type BudgetDocument =
  | { readonly kind: 'min-available'; readonly amount: AmountInput }
  | { readonly kind: 'max-unavailable'; readonly amount: AmountInput };

/** `disruptionBudget:` of a service, in the words of a PodDisruptionBudget. */
export function budgetSchema() {
  const budget = mapping({
    minAvailable: amount().optional(),
    maxUnavailable: amount().optional(),
  });
  return budget.superRefine(({ minAvailable, maxUnavailable }, context) => {
    if ((minAvailable === undefined) !== (maxUnavailable === undefined)) return;
    const found = minAvailable === undefined ? 'neither' : 'both';
    const message = `must have one of minAvailable, maxUnavailable; it has ${found}`;
    context.addIssue({ code: 'custom', message });
  });
}

/** The schema has seen to it that there is exactly one. */
export function toBudget(written: {
  readonly minAvailable?: AmountInput | undefined;
  readonly maxUnavailable?: AmountInput | undefined;
}): BudgetDocument {
  const { minAvailable, maxUnavailable } = written;
  return minAvailable === undefined
    ? { kind: 'max-unavailable', amount: maxUnavailable ?? { kind: 'count', count: 1 } }
    : { kind: 'min-available', amount: minAvailable };
}
