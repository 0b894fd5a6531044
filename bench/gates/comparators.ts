import { fixedRules } from './fixed-rules.ts';
import { kayentaRule } from './kayenta.ts';
import { pooledZRules } from './pooled-z.ts';
import type { Rule } from './rule.ts';

/** Of other tools, and what people make themselves. */
export const comparators: readonly Rule[] = [...fixedRules, kayentaRule, ...pooledZRules];
