import type { GateSettings } from '../../src/domain/release/revision.ts';

/** What the study's gates are opened with; each case changes what it is about. */
export const studySettings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  // Four steps of 7.5 s: 30 s of soak in all.
  soakMs: 7500,
  atMostMs: 600_000,
};

/** Heads of our columns. */
export const ourName = 'Tidegate';
export const robustName = 'Tidegate, incidents declared';
