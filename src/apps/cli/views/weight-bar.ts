import { type Look, paint } from '../look.ts';
import { percentText } from './words.ts';

const cellCount = 20;
const unicodeSigns = { full: '█', light: '░', dark: '▓', none: '·' };
const asciiSigns = { full: '#', light: '-', dark: '+', none: '.' };

export type Share =
  /** All that comes goes one way, so there is nothing to measure. */
  | { readonly kind: 'whole'; readonly wantedPercent: number }
  /** `measuredPercent` null: no request came yet. */
  | {
      readonly kind: 'split';
      readonly wantedPercent: number;
      readonly measuredPercent: number | null;
    };

/**
 * Twenty cells of 5 % each. Full: traffic that was wanted there and came. Light: wanted, did not come.
 * Dark: came, was not wanted. Wanted 50 and measured 40: `[########--..........] 50 %, measured 40 %`.
 */
export function weightBar(look: Look, share: Share): string {
  const wanted = cells(share.wantedPercent);
  const measured = share.kind === 'whole' ? wanted : cells(share.measuredPercent ?? 0);
  const both = Math.min(wanted, measured);
  const sign = look.isUnicode ? unicodeSigns : asciiSigns;
  const bar = [
    paint(look, 'green', sign.full.repeat(both)),
    paint(
      look,
      'yellow',
      (wanted > measured ? sign.light : sign.dark).repeat(Math.abs(wanted - measured)),
    ),
    paint(look, 'faint', sign.none.repeat(cellCount - Math.max(wanted, measured))),
  ].join('');
  return look.isUnicode ? bar : `[${bar}]`;
}

export function shareText(share: Share): string {
  const wanted = percentText(share.wantedPercent);
  if (share.kind === 'whole') return wanted;
  if (share.measuredPercent === null) return `${wanted}, nothing measured yet`;
  return `${wanted}, measured ${percentText(share.measuredPercent)}`;
}

/** A share above 0 shows at least one cell, one below 100 at most all but one. */
function cells(percent: number): number {
  const rounded = Math.round((percent / 100) * cellCount);
  if (percent > 0 && rounded === 0) return 1;
  if (percent < 100 && rounded === cellCount) return cellCount - 1;
  return Math.max(0, Math.min(cellCount, rounded));
}
