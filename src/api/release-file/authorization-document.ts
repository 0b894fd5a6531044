import { claimOf } from './authorization-schema.ts';

/** Who may ask what of a service. Empty lists are those that are not written: they ask for nothing. */
export interface AuthorizationDocument {
  readonly mode: 'enforce' | 'audit';
  /** Empty: nobody may ask anything. */
  readonly rules: readonly AuthorizationRuleDocument[];
}

export interface AuthorizationRuleDocument {
  readonly name: string;
  readonly action: 'ALLOW' | 'DENY';
  readonly from: readonly {
    readonly principals: readonly string[];
    readonly namespaces: readonly string[];
    readonly ipBlocks: readonly string[];
  }[];
  readonly to: readonly {
    readonly methods: readonly string[];
    readonly paths: readonly string[];
  }[];
  readonly when: readonly { readonly claim: string; readonly values: readonly string[] }[];
}

type Texts = readonly string[] | undefined;

interface WrittenAuthorization {
  readonly mode: 'enforce' | 'audit';
  readonly rules?: readonly WrittenRule[] | undefined;
}

interface WrittenRule {
  readonly name: string;
  readonly action: 'ALLOW' | 'DENY';
  readonly from?:
    | readonly {
        readonly source: {
          readonly principals?: Texts;
          readonly namespaces?: Texts;
          readonly ipBlocks?: Texts;
        };
      }[]
    | undefined;
  readonly to?:
    | readonly { readonly operation: { readonly methods?: Texts; readonly paths?: Texts } }[]
    | undefined;
  readonly when?:
    | readonly { readonly key: string; readonly values: readonly string[] }[]
    | undefined;
}

export function toAuthorization({ mode, rules = [] }: WrittenAuthorization): AuthorizationDocument {
  return { mode, rules: rules.map(toRule) };
}

function toRule({
  name,
  action,
  from = [],
  to = [],
  when = [],
}: WrittenRule): AuthorizationRuleDocument {
  return {
    name,
    action,
    from: from.map(({ source: { principals = [], namespaces = [], ipBlocks = [] } }) => ({
      principals,
      namespaces,
      ipBlocks,
    })),
    to: to.map(({ operation: { methods = [], paths = [] } }) => ({ methods, paths })),
    when: when.map(({ key, values }) => ({ claim: claimOf(key), values })),
  };
}
