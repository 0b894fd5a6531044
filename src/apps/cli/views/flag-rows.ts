import type { Flag, Service } from '../../../api/client/generated/schemas.ts';
import { harmless } from '../look.ts';
import type { Columns } from './resource-table.ts';

export const flagColumns: Columns<Flag> = {
  kind: 'flag',
  heads: ['FLAG', 'SERVICE', 'ROLE', 'STATE', 'VARIANT', 'VALUE', 'WHY'],
  wideHeads: ['REVISION', 'TYPE', 'VARIANTS', 'RULES'],
  nameOf: (flag) => `${flag.revisionId}/${flag.key}`,
  cells: (flag) => [
    harmless(flag.key),
    flag.service,
    flag.role,
    flag.state,
    flag.state === 'DISABLED' ? '-' : harmless(flag.variant),
    flag.state === 'DISABLED' ? '-' : shortJson(flag.value),
    harmless(flag.sentence),
  ],
  wideCells: (flag) => [
    flag.revisionId,
    flag.type,
    flag.variants.map(harmless).join(','),
    flag.rules.map(harmless).join('; ') || '-',
  ],
};

/** Of `describe`: `Flag new-checkout: off by default (candidate: on, turned by ...)`. */
export function flagFacts({ status }: Service): string[][] {
  const { flags = [] } = status;
  const keys = [...new Set(flags.map(({ key }) => key))];
  return keys.map((key) => {
    const own = flags.filter((flag) => flag.key === key);
    const isAlone = own.length === 1 && own[0]?.role === 'stable';
    const said = own.map(({ role, sentence }) => {
      return isAlone ? harmless(sentence) : `${role} ${harmless(sentence)}`;
    });
    return [`Flag ${harmless(key)}:`, said.join('; ')];
  });
}

const shownLengthMax = 40;

/** As JSON, cut where it is long. */
export function shortJson(value: unknown): string {
  const text = harmless(JSON.stringify(value));
  return text.length <= shownLengthMax ? text : `${text.slice(0, shownLengthMax)}…`;
}
