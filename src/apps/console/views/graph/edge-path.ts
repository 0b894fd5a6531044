import type { Place } from './layout.ts';

const cornerRadius = 6;

/** SVG path through the points, its corners rounded as far as the lines beside them allow. */
export function pathThrough(points: readonly Place[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  const parts = [`M ${first.x} ${first.y}`];
  for (const [index, corner] of rest.entries()) {
    const before = points[index] ?? first;
    const after = rest[index + 1];
    if (after === undefined) {
      parts.push(`L ${corner.x} ${corner.y}`);
      break;
    }
    const into = towards(corner, before);
    const out = towards(corner, after);
    parts.push(`L ${into.x} ${into.y} Q ${corner.x} ${corner.y} ${out.x} ${out.y}`);
  }
  return parts.join(' ');
}

/** The place `cornerRadius` from `from`, or half way to `to` if that is nearer. */
function towards(from: Place, to: Place): Place {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const part = length === 0 ? 0 : Math.min(cornerRadius / length, 0.5);
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}
