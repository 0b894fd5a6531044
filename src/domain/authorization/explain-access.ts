import {
  parseSpiffeId,
  type SpiffeId,
  spiffeIdOf,
  defaultNamespace,
} from '../identity/spiffe-id.ts';
import { addressOf } from './address-block.ts';
import type { Authorization, AuthorizationMode, AuthorizationRule } from './authorization.ts';
import { type AccessCaller, ReadyAuthorization } from './decide-access.ts';

/** A request that nobody has sent: would it be served? */
export interface AccessQuestion {
  readonly caller: AccessCaller;
  readonly service: string;
  readonly method: string;
  readonly target: string;
  /** As of a token that was checked. */
  readonly claims: ReadonlyMap<string, readonly string[]>;
}

export interface AccessAnswer {
  readonly isAllowed: boolean;
  /** Whether anybody is refused by it; null: the service declares no authorization. */
  readonly mode: AuthorizationMode | null;
  /** Which decides; null: none. */
  readonly rule: Pick<AuthorizationRule, 'name' | 'action' | 'place'> | null;
  readonly sentence: string;
}

/** Asks the same code that serves. `authorization` is of the service; undefined: it declares none. */
export function explainAccess(
  authorization: Authorization | undefined,
  { caller, service, method, target, claims }: AccessQuestion,
): AccessAnswer {
  if (authorization === undefined) {
    const sentence = `allowed: ${service} declares no authorization, so everybody may ask everything`;
    return { isAllowed: true, mode: null, rule: null, sentence };
  }
  const { mode } = authorization;
  const request = { caller, method, target, claims };
  const { isAllowed, rule } = new ReadyAuthorization(authorization).decide(request);
  const sentence = sentenceOf(service, authorization, { isAllowed, rule });
  const isServed = mode === 'audit' && !isAllowed;
  return {
    isAllowed,
    mode,
    rule,
    sentence: isServed ? `${sentence}; it is served all the same, as the mode is audit` : sentence,
  };
}

function sentenceOf(
  service: string,
  { rules }: Authorization,
  { isAllowed, rule }: Pick<AccessAnswer, 'isAllowed' | 'rule'>,
): string {
  if (rule === null) {
    if (rules.length === 0) return `denied: nobody may ask anything of ${service}`;
    return `denied: no rule of ${service} allows it, of ${rules.length}`;
  }
  const where = rule.place === undefined ? '' : ` at ${rule.place}`;
  return `${isAllowed ? 'allowed' : 'denied'} by rule ${rule.name} (${rule.action})${where}`;
}

export type NamedCaller =
  | { readonly kind: 'caller'; readonly caller: AccessCaller }
  | { readonly kind: 'unknown'; readonly message: string };

/**
 * Who is meant by `web` (a service), `front/web` (of a namespace), a SPIFFE id with or without its scheme, an address, or `anonymous`.
 * `address` is of the connection; null: of this machine.
 */
export function callerNamed(
  written: string,
  { trustDomain, address }: { readonly trustDomain: string; readonly address: string | null },
): NamedCaller {
  const from = address ?? '127.0.0.1';
  if (addressOf(from) === null) return unknown(`"${from}" is no address`);
  if (written === 'anonymous') return callerWith(null, from);
  if (addressOf(written) !== null) return callerWith(null, address ?? written);
  try {
    const id = idNamed(written, trustDomain);
    return typeof id === 'string' ? unknown(`"${written}" ${id}`) : callerWith(id, from);
  } catch (error) {
    if (error instanceof RangeError) return unknown(error.message);
    throw error;
  }
}

function idNamed(written: string, trustDomain: string): SpiffeId | string {
  const parts = written.split('/');
  if (!written.startsWith('spiffe://') && parts.length <= 2) {
    const [name = '', namespace = defaultNamespace] = parts.toReversed();
    return spiffeIdOf(trustDomain, { namespace, name });
  }
  const parsed = parseSpiffeId(written.startsWith('spiffe://') ? written : `spiffe://${written}`);
  return parsed.kind === 'id' ? parsed.id : parsed.reason;
}

function callerWith(id: SpiffeId | null, address: string): NamedCaller {
  return { kind: 'caller', caller: { ...principalOf(id), address } };
}

function unknown(message: string): NamedCaller {
  return { kind: 'unknown', message };
}

/** As rules write it: without its scheme. */
export function principalOf(id: SpiffeId | null): Pick<AccessCaller, 'principal' | 'namespace'> {
  if (id === null) return { principal: null, namespace: null };
  return {
    principal: id.text.slice('spiffe://'.length),
    namespace: id.workload?.namespace ?? null,
  };
}
