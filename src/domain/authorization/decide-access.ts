import {
  type Address,
  type AddressBlock,
  addressBlock,
  addressOf,
  isInBlock,
} from './address-block.ts';
import type {
  Authorization,
  AuthorizationMode,
  AuthorizationRule,
  AuthorizationSource,
} from './authorization.ts';
import { AskedPath, type PathPattern, pathPattern } from './path-pattern.ts';
import { isTextMatch, type TextPattern, textPattern } from './text-pattern.ts';

/** Who asks, as far as it is proved. */
export interface AccessCaller {
  /** Its SPIFFE id without the scheme; null: it has proved none. */
  readonly principal: string | null;
  readonly namespace: string | null;
  /** Of its connection. */
  readonly address: string;
}

/** One request as authorization sees it. */
export interface AccessRequest {
  readonly caller: AccessCaller;
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  /** Values by claim, of a token that was checked; null: there is none. */
  readonly claims: ReadonlyMap<string, readonly string[]> | null;
}

export interface AccessDecision {
  readonly isAllowed: boolean;
  /** Which decided; null: no rule allowed it. */
  readonly rule: AuthorizationRule | null;
}

/**
 * A service's authorization made ready once for a table.
 *
 * - Z1. A DENY rule that fits decides, whatever else fits.
 * - Z2. Then an ALLOW rule that fits; what none fits is refused.
 * - Z3. In doubt a rule fits if it is DENY and does not if it is ALLOW (path-readings.ts).
 */
export class ReadyAuthorization {
  readonly mode: AuthorizationMode;
  readonly goesByClaims: boolean;
  readonly #deny: readonly ReadyRule[];
  readonly #allow: readonly ReadyRule[];

  constructor({ mode, rules }: Authorization) {
    this.mode = mode;
    this.goesByClaims = rules.some(({ when }) => when.length > 0);
    const ready = rules.map(readyRule);
    this.#deny = ready.filter(({ rule }) => rule.action === 'DENY');
    this.#allow = ready.filter(({ rule }) => rule.action === 'ALLOW');
  }

  decide(request: AccessRequest): AccessDecision {
    const asked = { ...request, path: new AskedPath(request.target), address: null };
    const denied = this.#deny.find((each) => isFit(each, asked));
    if (denied !== undefined) return { isAllowed: false, rule: denied.rule };
    const allowed = this.#allow.find((each) => isFit(each, asked));
    return { isAllowed: allowed !== undefined, rule: allowed?.rule ?? null };
  }
}

interface ReadyRule {
  readonly rule: AuthorizationRule;
  readonly isDeny: boolean;
  readonly from: readonly ReadySource[];
  readonly to: readonly ReadyOperation[];
}

interface ReadySource {
  readonly principals: readonly TextPattern[];
  readonly namespaces: readonly TextPattern[];
  readonly ipBlocks: readonly AddressBlock[];
}

interface ReadyOperation {
  readonly methods: ReadonlySet<string>;
  readonly paths: readonly PathPattern[];
}

interface Asked extends AccessRequest {
  readonly path: AskedPath;
  address: Address | 'none' | null;
}

function readyRule(rule: AuthorizationRule): ReadyRule {
  return {
    rule,
    isDeny: rule.action === 'DENY',
    from: rule.from.map(readySource),
    to: rule.to.map(({ methods, paths }) => ({
      methods: new Set(methods),
      paths: paths.map(pathPattern),
    })),
  };
}

function readySource({ principals, namespaces, ipBlocks }: AuthorizationSource): ReadySource {
  return {
    principals: principals.map(textPattern),
    namespaces: namespaces.map(textPattern),
    // Those that are none were refused with the table.
    ipBlocks: ipBlocks.map(addressBlock).filter((block) => block !== null),
  };
}

function isFit({ rule, isDeny, from, to }: ReadyRule, asked: Asked): boolean {
  if (from.length > 0 && !from.some((source) => isFrom(source, asked, isDeny))) return false;
  if (to.length > 0 && !to.some((operation) => isTo(operation, asked, isDeny))) return false;
  return rule.when.every(({ claim, values }) => {
    const found = asked.claims?.get(claim) ?? [];
    return found.some((each) => values.includes(each));
  });
}

function isFrom(source: ReadySource, asked: Asked, isDeny: boolean): boolean {
  const { principals, namespaces, ipBlocks } = source;
  const { principal, namespace } = asked.caller;
  if (principals.length > 0 && !isAny(principals, principal)) return false;
  if (namespaces.length > 0 && !isAny(namespaces, namespace)) return false;
  if (ipBlocks.length === 0) return true;
  asked.address ??= addressOf(asked.caller.address) ?? 'none';
  const { address } = asked;
  // A connection that is gone has no address any more.
  return address === 'none' ? isDeny : ipBlocks.some((block) => isInBlock(address, block));
}

function isAny(patterns: readonly TextPattern[], text: string | null): boolean {
  return text !== null && patterns.some((pattern) => isTextMatch(pattern, text));
}

function isTo({ methods, paths }: ReadyOperation, asked: Asked, isDeny: boolean): boolean {
  const { method, path } = asked;
  // A server may take `get` for GET: in doubt that is denied, and not allowed (Z3).
  if (methods.size > 0 && !methods.has(isDeny ? method.toUpperCase() : method)) return false;
  if (paths.length === 0) return true;
  return isDeny ? path.isMaybeWithin(paths) : path.isAllWithin(paths);
}
