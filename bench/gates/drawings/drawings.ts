import { burstDrawing } from './burst-drawing.ts';
import type { Drawing } from './canvas.ts';
import { costDrawing } from './cost-drawing.ts';
import { evidenceDrawing } from './evidence-drawing.ts';
import { latencyDrawing } from './latency-drawing.ts';
import { outageDrawing } from './outage-drawing.ts';
import { promotionDrawing } from './promotion-drawing.ts';
import { routeDrawing } from './route-drawing.ts';
import { thresholdDrawing } from './threshold-drawing.ts';

/** In the order of the guide. */
export const drawings: readonly Drawing[] = [
  thresholdDrawing,
  evidenceDrawing,
  costDrawing,
  outageDrawing,
  promotionDrawing,
  latencyDrawing,
  burstDrawing,
  routeDrawing,
];
