import type { InstanceAmount } from './rolling-update.ts';

/**
 * How few instances of a service may serve because something of ours stops one: a PodDisruptionBudget of Kubernetes
 * (kubernetes.io/docs/tasks/run-application/configure-pdb). What fails by itself is not asked.
 */
export type DisruptionBudget =
  | { readonly kind: 'min-available'; readonly amount: InstanceAmount }
  | { readonly kind: 'max-unavailable'; readonly amount: InstanceAmount };

/**
 * How many have to serve, of `wanted`. Percentages are rounded up in both kinds, as Kubernetes does it: of 7 wanted, at least 50 %
 * available is 4, at most 50 % unavailable is 4 unavailable and so 3.
 */
export function availableAtLeast({ kind, amount }: DisruptionBudget, wanted: number): number {
  const count =
    amount.kind === 'count' ? amount.count : Math.ceil((amount.percent * wanted) / 100 - 1e-9);
  const available = kind === 'min-available' ? count : wanted - count;
  return Math.min(wanted, Math.max(0, available));
}
