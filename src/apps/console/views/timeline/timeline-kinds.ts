import type { TimelineKind } from '../../../../api/timeline-wire.ts';

/** Rows of the timeline from the top, their names, and the sign of a mark: a colour never says it alone. */
export const kindRows: readonly {
  readonly kind: TimelineKind;
  readonly label: string;
  readonly sign: string;
}[] = [
  { kind: 'alert', label: 'Alerts and rollbacks', sign: '▲' },
  { kind: 'deployment', label: 'Deployments', sign: '◆' },
  { kind: 'step', label: 'Steps', sign: '●' },
  { kind: 'verdict', label: 'Verdicts', sign: '○' },
  { kind: 'approval', label: 'Approvals', sign: '✓' },
  { kind: 'fault', label: 'Faults', sign: '✕' },
  { kind: 'load-test', label: 'Load tests', sign: '▬' },
  { kind: 'scaling', label: 'Scaling', sign: '↕' },
  { kind: 'instance', label: 'Instances', sign: '■' },
  { kind: 'config', label: 'Configuration', sign: '⋯' },
];
