import { type Field, listOf, valueOf } from './http-fields.ts';
import { cacheRuleLimits } from './cache-rule.ts';

/**
 * `Cache-Tag: product-7, front-page`: names by which answers are removed together. It is for caches on the way and is not
 * passed on. Tags are compared as they are written.
 */
export const tagHeader = 'cache-tag';
const tagsMax = 64;

/** Those of the answer and of the rule, each once; what is too long, or too many, is passed over. */
export function tagsOf(fields: readonly Field[], always: readonly string[]): readonly string[] {
  const named = listOf(valueOf(fields, tagHeader) ?? '');
  const fit = named.filter((tag) => tag.length <= cacheRuleLimits.tagLength);
  return [...new Set([...always, ...fit])].slice(0, tagsMax);
}
