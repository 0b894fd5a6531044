export interface JwtDocument {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly keys:
    | { readonly kind: 'url'; readonly url: string }
    | { readonly kind: 'set'; readonly text: string };
  readonly claims: readonly { readonly name: string; readonly values: readonly string[] }[];
}

interface WrittenJwt {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly jwksUri?: string | undefined;
  readonly jwks?: string | undefined;
  readonly claims?:
    | readonly { readonly name: string; readonly values: readonly string[] }[]
    | undefined;
}

/** The schema has seen to it that keys are there once. */
export function toJwt({
  issuer,
  audiences,
  jwksUri,
  jwks = '',
  claims = [],
}: WrittenJwt): JwtDocument {
  const keys =
    jwksUri === undefined
      ? ({ kind: 'set', text: jwks } as const)
      : ({ kind: 'url', url: jwksUri } as const);
  return { issuer, audiences, keys, claims };
}
