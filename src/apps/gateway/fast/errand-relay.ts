import { tagHeader } from '../../../domain/cache/tags.ts';
import { cacheStatusHeader } from '../../../domain/cache/cache-status.ts';
import type { Field } from '../../../domain/cache/http-fields.ts';
import type { Errand, HeadOrder } from '../cache/errand.ts';
import { FixedLines } from '../http1/fixed-lines.ts';
import type { RequestHead, ResponseHead } from '../http1/head.ts';
import type { AnswerWish } from './answer-wish.ts';

const tagName = Buffer.from(tagHeader, 'latin1');
const conditions = ['if-none-match', 'if-modified-since', 'if-range', 'range'].map((name) =>
  Buffer.from(name, 'latin1'),
);

/** Tells an errand the head of an answer; the lines that the caller gets of the cache are in `wish` then. */
export function tellHead(errand: Errand, head: ResponseHead, wish: AnswerWish): HeadOrder {
  const order = errand.head({ status: head.status, fields: fieldsOf(head) });
  hide(head, tagName);
  if (order.kind === 'pass') {
    const line = FixedLines.of([[cacheStatusHeader, order.status]]);
    wish.lines = wish.lines === null ? line : wish.lines.and(line);
  }
  return order;
}

/** Lines to ask an instance with in place of the caller's own conditions; null: the caller's go on as they are. */
export function validatorLines(errand: Errand, head: RequestHead): FixedLines | null {
  if (errand.validators === null) return null;
  for (const name of conditions) hide(head, name);
  return FixedLines.of(errand.validators);
}

function fieldsOf(head: ResponseHead): readonly Field[] {
  const fields: Field[] = [];
  for (let index = 0; index < head.count; index += 1) {
    if (head.isHop[index] === 0) fields.push([head.name(index), head.value(index)]);
  }
  return fields;
}

/** It is not passed on. */
function hide(head: RequestHead | ResponseHead, name: Buffer): void {
  for (let index = head.find(name); index >= 0; index = head.find(name, index + 1)) {
    head.isHop[index] = 1;
    head.isChanged = true;
  }
}
