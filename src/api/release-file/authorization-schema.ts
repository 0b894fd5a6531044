import { z } from 'zod';
import { field, mapping, matching, text } from './fields.ts';
import type { TextRule } from './fields.ts';
import { methodRule, name } from './names.ts';
import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';

const ruleCountMax = 64;
const partCountMax = 16;
const valueCountMax = 64;
const textLengthMax = 1024;

/**
 * `traffic.authorization`: who may ask what, in the words of Istio's AuthorizationPolicy v1. An empty list is refused wherever one may
 * stand, since it could be read as nobody and as everybody.
 */
export function authorizationSchema() {
  const several = (rule: TextRule) => list(text(rule), valueCountMax);
  const source = mapping(
    {
      principals: several(principalRule).optional(),
      namespaces: several(namespaceRule).optional(),
      ipBlocks: several(blockRule).optional(),
    },
    ['notPrincipals', 'notNamespaces', 'notIpBlocks', 'requestPrincipals', 'remoteIpBlocks'],
  ).superRefine(needsOne('principals, namespaces and ipBlocks'));
  const operation = mapping(
    {
      methods: several(methodRule).optional(),
      paths: several(allowedPathRule).optional(),
    },
    ['notMethods', 'notPaths', 'hosts', 'ports'],
  ).superRefine(needsOne('methods and paths'));
  const condition = mapping(
    {
      key: text(conditionKeyRule),
      values: list(field(readValue, { type: 'string' }), valueCountMax),
    },
    ['notValues'],
  );
  const rule = mapping({
    name: name(),
    action: field(readAction, { type: 'string', enum: ['ALLOW', 'DENY'] }).prefault('ALLOW'),
    from: list(mapping({ source }), partCountMax).optional(),
    to: list(mapping({ operation }), partCountMax).optional(),
    when: list(condition, partCountMax).optional(),
  });
  const rules = list(rule, ruleCountMax).superRefine((written, context) => {
    const names = written.map((each) => each.name);
    for (const [index, each] of names.entries()) {
      if (names.indexOf(each) === index) continue;
      const message = `"${each}" is the name of an earlier rule`;
      context.addIssue({ code: 'custom', path: [index, 'name'], message });
    }
  });
  const mode = field(readMode, { type: 'string', enum: ['enforce', 'audit'] }).prefault('enforce');
  return mapping({ mode, rules: rules.optional() });
}

function list<Item extends z.ZodType>(item: Item, countMax: number) {
  return z.array(item).min(1).max(countMax);
}

function needsOne(keys: string) {
  return (
    written: object,
    context: { addIssue(issue: { code: 'custom'; message: string }): void },
  ): void => {
    if (Object.values(written).some((value) => value !== undefined)) return;
    context.addIssue({ code: 'custom', message: `must have at least one of ${keys}` });
  };
}

const principalPattern = matching(
  /^(?:\*|\*?[A-Za-z0-9._/-]+|[A-Za-z0-9._/-]+\*)$/,
  'a principal such as shop.example/ns/default/sa/web, with a * at its end or its beginning at most',
  2048,
);

const principalRule: TextRule = (written) => {
  if (written.startsWith('spiffe://')) {
    const bare = written.slice('spiffe://'.length);
    return { reason: 'is written without its scheme', hint: `write ${quoted(bare)}` };
  }
  const fault = principalPattern(written);
  if (fault !== null || written.includes('/') || written.includes('*')) return fault;
  const hint = `did you mean ${quoted(`*/ns/default/sa/${written}`)}?`;
  return { reason: `must be a SPIFFE id without its scheme, not ${quoted(written)}`, hint };
};

const namespaceRule = matching(
  /^(?:\*|\*?[a-z0-9-]+|[a-z0-9-]+\*)$/,
  'a namespace such as default, with a * at its end or its beginning at most',
  63,
);

/** What its text may look like; whether it is a block is seen where all of a service is looked at. */
const blockRule = matching(
  /^[0-9a-fA-F:.]+(?:\/\d{1,3})?$/,
  'an address or a block of addresses such as 10.0.0.0/8',
  64,
);

const pathCharacters = matching(
  /^(?:\*|\/(?:[-A-Za-z0-9/._~!$&'()+,=:@]*)(?:\*)?)$/,
  'a path such as /orders, /orders/* or *, decoded and without a query',
  textLengthMax,
);

const allowedPathRule: TextRule = (path) => {
  const fault = pathCharacters(path);
  if (fault !== null) {
    const inner = /^\/?[^*]*\*.+$/.test(path);
    return inner ? { reason: fault.reason, hint: 'a * stands at the end alone' } : fault;
  }
  const part = ['//', '/./', '/../'].find((each) =>
    `${path}/`.replace(/\/\/$/, '/').includes(each),
  );
  if (part !== undefined) return { reason: `must not have ${quoted(part)}`, hint: null };
  if (!path.endsWith('*') || path === '*' || path.endsWith('/*')) return null;
  const hint = `did you mean ${quoted(`${path.slice(0, -1)}/*`)}?`;
  return { reason: `must end with "/*" to mean all below it, not ${quoted(path)}`, hint };
};

const claimKey = /^request\.auth\.claims\[([^[\]]+)\]$/;

const conditionKeyRule: TextRule = (key) => {
  if (claimKey.test(key) && key.length <= textLengthMax && /^[ -~]+$/.test(key)) return null;
  const reason = `must be request.auth.claims[NAME], not ${quoted(key)}`;
  if (/^request\.auth\.claims\[.*\]\[/.test(key)) {
    return { reason, hint: 'claims within claims are not looked into' };
  }
  const inFrom = /^source\.(?:ip|namespace|principal)$/.test(key);
  return { reason, hint: inFrom ? 'who asks is written in "from"' : null };
};

/** Of a key that the rule has taken. */
export function claimOf(key: string): string {
  return claimKey.exec(key)?.[1] ?? '';
}

const valueRule = matching(/^[ -~]+$/, 'a text in visible ASCII', textLengthMax);

/** A claim may be a number or true; it is compared as text. */
function readValue(input: unknown): Reading<string> {
  if (typeof input === 'number' || typeof input === 'boolean') return read(String(input));
  if (typeof input !== 'string') return wrongType('a text');
  const fault = valueRule(input);
  return fault === null ? read(input) : refused(fault.reason, fault.hint);
}

function readAction(input: unknown): Reading<'ALLOW' | 'DENY'> {
  if (input === 'ALLOW' || input === 'DENY') return read(input);
  if (typeof input !== 'string') return wrongType('ALLOW or DENY');
  const upper = input.toUpperCase();
  const isNear = upper === 'ALLOW' || upper === 'DENY';
  const hint = isNear ? `did you mean ${upper}?` : null;
  return refused(`must be ALLOW or DENY, not ${quoted(input)}`, hint);
}

function readMode(input: unknown): Reading<'enforce' | 'audit'> {
  if (input === 'enforce' || input === 'audit') return read(input);
  if (typeof input !== 'string') return wrongType('enforce or audit');
  return refused(`must be enforce or audit, not ${quoted(input)}`);
}
