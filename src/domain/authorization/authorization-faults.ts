import { addressBlock, isBlockWithin } from './address-block.ts';
import type {
  Authorization,
  AuthorizationOperation,
  AuthorizationRule,
  AuthorizationSource,
} from './authorization.ts';
import { isPatternWithin, pathPattern } from './path-pattern.ts';
import { isTextPatternWithin, textPattern } from './text-pattern.ts';

/** A rule that says nothing, though whoever wrote it meant something by it. */
export interface AuthorizationFault {
  /** Below `authorization`, as it is written. */
  readonly keyPath: readonly (string | number)[];
  readonly message: string;
  readonly hint: string | null;
}

/** What else a service declares that rules can go by. */
export interface AuthorizationGrounds {
  /** Something asks its callers for a token. */
  readonly hasToken: boolean;
  /** Whether its callers can prove who they are: `mtls` permissive or strict. */
  readonly hasIdentity: boolean;
}

/** Rules that can never decide anything: each is a mistake, and an ALLOW rule that is one may be found out in an outage only. */
export function authorizationFaults(
  { rules }: Authorization,
  { hasToken, hasIdentity }: AuthorizationGrounds,
): readonly AuthorizationFault[] {
  const isAnyAllowed = rules.some(({ action }) => action === 'ALLOW');
  const denies = rules.flatMap((rule) => (rule.action === 'DENY' ? [rule] : []));
  return rules.flatMap((rule, index): readonly AuthorizationFault[] => {
    const keyPath = ['rules', index];
    if (rule.when.length > 0 && !hasToken) {
      const message = `rule "${rule.name}" goes by a claim, and nothing asks for a token`;
      return [{ keyPath: [...keyPath, 'when'], message, hint: 'add "jwt"' }];
    }
    if (rule.action === 'DENY' && !isAnyAllowed) {
      const message = `rule "${rule.name}" changes nothing, as no rule allows anything`;
      return [{ keyPath, message, hint: 'add a rule with "action: ALLOW"' }];
    }
    const nameless = hasIdentity ? -1 : rule.from.findIndex(goesByIdentity);
    if (nameless >= 0) {
      const message = `rule "${rule.name}" goes by who a certificate says its caller is, and nothing asks callers for one`;
      const hint = 'add "mtls: { mode: permissive }", or strict';
      return [{ keyPath: [...keyPath, 'from', nameless, 'source'], message, hint }];
    }
    const block = wrongBlock(rule, keyPath);
    if (block !== null) return [block];
    const place = neverFits(rule);
    if (place !== null) {
      const message = `rule "${rule.name}" can never fit: no principal it names is of a namespace it names`;
      return [{ keyPath: [...keyPath, 'from', place, 'source'], message, hint: null }];
    }
    if (rule.action === 'DENY') return [];
    const shadow = denies.find((deny) => isShadowed(rule, deny));
    if (shadow === undefined) return [];
    const message = `rule "${rule.name}" can never allow anything: rule "${shadow.name}" denies all of it`;
    return [{ keyPath, message, hint: 'DENY goes before ALLOW, in whatever order they stand' }];
  });
}

function goesByIdentity({ principals, namespaces }: AuthorizationSource): boolean {
  return principals.length > 0 || namespaces.length > 0;
}

function wrongBlock(
  { from }: AuthorizationRule,
  keyPath: AuthorizationFault['keyPath'],
): AuthorizationFault | null {
  for (const [at, { ipBlocks }] of from.entries()) {
    const index = ipBlocks.findIndex((each) => addressBlock(each) === null);
    if (index < 0) continue;
    const message = `"${ipBlocks[index]}" is no address and no block of addresses`;
    const hint = 'as 10.0.0.0/8 or 2001:db8::/32: bits behind the prefix are 0';
    return { keyPath: [...keyPath, 'from', at, 'source', 'ipBlocks', index], message, hint };
  }
  return null;
}

/** Index of the source that nobody can be; null: there is none. */
function neverFits({ from }: AuthorizationRule): number | null {
  const index = from.findIndex(({ principals, namespaces }) => {
    if (principals.length === 0 || namespaces.length === 0) return false;
    return !principals.some((principal) => {
      const namespace = namespaceIn(principal);
      return namespace === null || namespaces.some((each) => maybeIn(namespace, each));
    });
  });
  return index < 0 ? null : index;
}

/** Of `shop.example/ns/default/sa/web`; null: it leaves it open. */
function namespaceIn(principal: string): string | null {
  return /\/ns\/([^/*]+)\/sa\//.exec(principal)?.[1] ?? null;
}

function maybeIn(namespace: string, written: string): boolean {
  return isTextPatternWithin({ kind: 'exact', text: namespace }, textPattern(written));
}

/** Whatever fits `allow` fits `deny`. */
function isShadowed(allow: AuthorizationRule, deny: AuthorizationRule): boolean {
  const isAnybody = deny.from.length === 0;
  const isAnything = deny.to.length === 0;
  const isFromWithin =
    isAnybody ||
    (allow.from.length > 0 &&
      allow.from.every((inner) => deny.from.some((outer) => isSourceWithin(inner, outer))));
  const isToWithin =
    isAnything ||
    (allow.to.length > 0 &&
      allow.to.every((inner) => deny.to.some((outer) => isOperationWithin(inner, outer))));
  // Claims may be lists, so a caller that has what one rule asks may have what the other asks as well, and need not.
  const isWhenWithin = deny.when.every(({ claim, values }) =>
    allow.when.some((each) => each.claim === claim && isEach(each.values, values, isSame)),
  );
  return isFromWithin && isToWithin && isWhenWithin;
}

function isSourceWithin(inner: AuthorizationSource, outer: AuthorizationSource): boolean {
  const isText = (a: string, b: string) => isTextPatternWithin(textPattern(a), textPattern(b));
  const isBlock = (a: string, b: string): boolean => {
    const [one, other] = [addressBlock(a), addressBlock(b)];
    return one !== null && other !== null && isBlockWithin(one, other);
  };
  return (
    isListWithin(inner.principals, outer.principals, isText) &&
    isListWithin(inner.namespaces, outer.namespaces, isText) &&
    isListWithin(inner.ipBlocks, outer.ipBlocks, isBlock)
  );
}

function isOperationWithin(inner: AuthorizationOperation, outer: AuthorizationOperation): boolean {
  return (
    isListWithin(inner.methods, outer.methods, isSame) &&
    isListWithin(inner.paths, outer.paths, (a, b) =>
      isPatternWithin(pathPattern(a), pathPattern(b)),
    )
  );
}

type Within = (inner: string, outer: string) => boolean;

/** An empty list asks for nothing. */
function isListWithin(inner: readonly string[], outer: readonly string[], within: Within): boolean {
  return outer.length === 0 || (inner.length > 0 && isEach(inner, outer, within));
}

function isEach(inner: readonly string[], outer: readonly string[], within: Within): boolean {
  return inner.every((one) => outer.some((other) => within(one, other)));
}

function isSame(a: string, b: string): boolean {
  return a === b;
}
