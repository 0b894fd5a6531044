import { type ReactNode } from 'react';
import type { ServiceView } from '../../../api/wire.ts';

export type Phase = ServiceView['status']['phase'];
export type Tone = 'bad' | 'warn' | 'good' | 'accent' | 'soft';

interface Look {
  readonly says: string;
  readonly tone: Tone;
  /** In a square of 10: each phase has a shape of its own, so that none is told by its colour alone. */
  readonly shape: string;
}

const looks: Readonly<Record<Phase, Look>> = {
  Parked: { says: 'Parked', tone: 'bad', shape: 'M1 2h8L5 9z' },
  RolledBack: { says: 'Rolled back', tone: 'bad', shape: 'M1 1h8v8H1z' },
  Waiting: { says: 'Waiting', tone: 'warn', shape: 'M5 .5 9.5 5 5 9.5.5 5z' },
  Paused: { says: 'Paused', tone: 'warn', shape: 'M1.5 1h2.5v8H1.5zM6 1h2.5v8H6z' },
  Progressing: { says: 'Progressing', tone: 'accent', shape: 'M2 1l7 4-7 4z' },
  Starting: { says: 'Starting', tone: 'accent', shape: 'M5 1v4h4a4 4 0 1 1-4-4z' },
  Stable: { says: 'Stable', tone: 'good', shape: 'M5 2.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z' },
};

/** Those that need somebody, worst first, as the server sorts them. */
export const unhealthyPhases: readonly Phase[] = ['Parked', 'RolledBack', 'Waiting', 'Paused'];
export const movingPhases: readonly Phase[] = ['Progressing', 'Starting'];

export function isUnhealthy(phase: Phase): boolean {
  return unhealthyPhases.includes(phase);
}

export function PhaseMark({ phase }: { readonly phase: Phase }): ReactNode {
  const { says, tone, shape } = looks[phase];
  return (
    <span className="phase" data-tone={tone}>
      <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
        <path d={shape} />
      </svg>
      {says}
    </span>
  );
}
