import { z } from 'zod';
import { boolean, duration, mapping, matching, percent, text } from './fields.ts';
import { headerNameRule } from './names.ts';
import { memory } from './quantity.ts';

const yearMs = 365 * 86_400_000;
const staleMaxMs = 30 * 86_400_000;
const countMax = 32;

/** `traffic.cache` of a service: which answers the gateway keeps (RFC 9111). */
export function cacheSchema() {
  const names = (rule: ReturnType<typeof matching>) => z.array(text(rule)).min(1).max(countMax);
  const cache = mapping({
    ttl: duration({ minMs: 0, maxMs: yearMs, usualUnit: 's' }).prefault('0s'),
    ttlMax: duration({ minMs: 1000, maxMs: yearMs, usualUnit: 'm' }).prefault('24h'),
    staleWhileRevalidate: duration({ minMs: 0, maxMs: staleMaxMs, usualUnit: 's' }).prefault('0s'),
    staleIfError: duration({ minMs: 0, maxMs: staleMaxMs, usualUnit: 's' }).prefault('0s'),
    memory: memory({ min: '64Ki', max: '16Gi' }).prefault('64Mi'),
    entry: memory({ min: '1Ki', max: '64Mi' }).prefault('1Mi'),
    key: mapping({
      ignoreQuery: names(queryNameRule).optional(),
      headers: z.array(text(headerNameRule)).min(1).max(countMax).optional(),
    }).prefault({}),
    tags: names(tagRule).optional(),
    storeSetCookie: boolean().prefault(false),
    honorRequests: boolean().prefault(true),
    wait: duration({ minMs: 0, maxMs: 60_000, usualUnit: 's' }).prefault('5s'),
    evidence: percent({
      unit: '%',
      minPercent: 0.1,
      maxPercent: 100,
      examplePercent: 10,
    }).prefault('10%'),
  });
  return cache.superRefine(({ ttl, ttlMax, memory: all, entry }, context) => {
    if (ttl > ttlMax) {
      const message = 'is longer than "ttlMax"';
      context.addIssue({ code: 'custom', path: ['ttl'], message });
    }
    if (entry > all) {
      const message = 'is more than all of "memory"';
      context.addIssue({ code: 'custom', path: ['entry'], message });
    }
  });
}

const queryNameRule = matching(
  /^[^\s&=#*]+\*?$|^\*$/,
  'the name of a query parameter, with * at its end for all that begin so',
  128,
);
const tagRule = matching(/^[!-+\--~]+$/, 'a tag in visible ASCII without a comma', 128);
