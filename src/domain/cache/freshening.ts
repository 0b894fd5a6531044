import { answerDirectives } from './cache-control.ts';
import type { CacheRule } from './cache-rule.ts';
import { type Field, valueOf } from './http-fields.ts';
import { type AskedRequest, type FetchedHead, termsOf } from './storing.ts';
import { keptFields, type StoredAnswer } from './stored-answer.ts';
import { tagHeader, tagsOf } from './tags.ts';

/** What a 304 must not change of the answer it is about: they say what the stored octets are. */
const ofContent = ['content-encoding', 'content-type', 'content-range', 'set-cookie'];

/**
 * The stored answer after a 304 (RFC 9111 sections 3.2 and 4.3.4): its fields take the place of those of the same name. Null: the 304 is about another
 * one, as its validators say.
 */
export function freshened(
  stored: StoredAnswer,
  head: FetchedHead,
  asked: Pick<AskedRequest, 'requestAtMs' | 'responseAtMs'>,
  rule: CacheRule,
): StoredAnswer | null {
  const [tag, known] = [valueOf(head.fields, 'etag'), valueOf(stored.fields, 'etag')];
  if (tag !== null && opaque(tag) !== (known === null ? null : opaque(known))) return null;
  const { unsharedFields } = answerDirectives(head.fields);
  const news = keptFields(head.fields, [...ofContent, ...unsharedFields]);
  const names = new Set(news.map(([name]) => name.toLowerCase()));
  // An older Date would make it older than it is.
  const fields: Field[] = [
    ...stored.fields.filter(([name]) => {
      const lower = name.toLowerCase();
      return !names.has(lower) && lower !== 'date' && !unsharedFields.includes(lower);
    }),
    ...news,
  ];
  const dated = names.has('date') ? fields : [...fields, ...dateOf(stored)];
  const whole = { status: stored.status, fields: [...withoutDate(fields, names), ...ageOf(head)] };
  const hasTags = valueOf(head.fields, tagHeader) !== null;
  return {
    ...stored,
    fields: dated,
    requestAtMs: asked.requestAtMs,
    terms: termsOf(whole, answerDirectives(fields), asked, rule),
    tags: hasTags ? tagsOf(head.fields, rule.tags) : stored.tags,
  };
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}

/** Its age counts from the 304, whether that has a Date or not. */
function withoutDate(fields: readonly Field[], names: ReadonlySet<string>): readonly Field[] {
  return names.has('date') ? fields : fields.filter(([name]) => name.toLowerCase() !== 'date');
}

function dateOf({ fields }: StoredAnswer): readonly Field[] {
  return fields.filter(([name]) => name.toLowerCase() === 'date');
}

function ageOf({ fields }: FetchedHead): readonly Field[] {
  return fields.filter(([name]) => name.toLowerCase() === 'age');
}
