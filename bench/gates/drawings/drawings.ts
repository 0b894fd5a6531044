import type { Drawing } from './canvas.ts';
import { costDrawing } from './cost-drawing.ts';
import { evidenceDrawing } from './evidence-drawing.ts';
import { outageDrawing } from './outage-drawing.ts';
import { thresholdDrawing } from './threshold-drawing.ts';

/** In the order of the guide. */
export const drawings: readonly Drawing[] = [
  evidenceDrawing,
  thresholdDrawing,
  costDrawing,
  outageDrawing,
];
