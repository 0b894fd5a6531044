import type * as openid from 'openid-client';
import type { Configuration } from 'openid-client';

import {
  type PendingSignIn,
  type ProvidedPerson,
  type SignInProvider,
  SignInProviderError,
} from '../../ports/sign-in-provider.ts';

export interface OpenidSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** Null: a public client, which PKCE alone protects. */
  readonly clientSecret: string | null;
  readonly scopes: readonly string[];
  /** When the ID token has not all of them, the userinfo endpoint is asked, too. */
  readonly claims: readonly string[];
}

type Library = Pick<
  typeof openid,
  | 'None'
  | 'ClientSecretBasic'
  | 'allowInsecureRequests'
  | 'discovery'
  | 'enableNonRepudiationChecks'
>;

/** One request to the provider. */
const requestTimeoutSeconds = 15;
/** The provider's own description is read again after this. */
const freshMs = 3_600_000;

/**
 * OpenID Connect Core 1.0 by the authorization code flow, with PKCE S256 (RFC 7636), state and nonce, the issuer checked in the
 * discovery document, in the answer (RFC 9207) and in the ID token, whose signature is checked as well.
 */
export class OpenidProvider implements SignInProvider {
  readonly issuer: string;
  readonly #settings: OpenidSettings;
  readonly #nowMs: () => number;
  #known: { readonly configuration: Configuration; readonly atMs: number } | null = null;

  constructor(settings: OpenidSettings, nowMs: () => number) {
    this.issuer = settings.issuer;
    this.#settings = settings;
    this.#nowMs = nowMs;
  }

  async begin(
    redirectUrl: string,
    signal: AbortSignal,
  ): Promise<{ readonly url: string; readonly pending: PendingSignIn }> {
    const library = await import('openid-client');
    const configuration = await this.#configuration(library, signal);
    const pending = {
      state: library.randomState(),
      nonce: library.randomNonce(),
      codeVerifier: library.randomPKCECodeVerifier(),
      redirectUrl,
    };
    const url = library.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUrl,
      scope: this.#settings.scopes.join(' '),
      code_challenge: await library.calculatePKCECodeChallenge(pending.codeVerifier),
      code_challenge_method: 'S256',
      state: pending.state,
      nonce: pending.nonce,
    });
    return { url: url.href, pending };
  }

  async finish(url: string, pending: PendingSignIn, signal: AbortSignal): Promise<ProvidedPerson> {
    const library = await import('openid-client');
    const configuration = await this.#configuration(library, signal);
    try {
      const tokens = await library.authorizationCodeGrant(configuration, new URL(url), {
        pkceCodeVerifier: pending.codeVerifier,
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        idTokenExpected: true,
      });
      const said = tokens.claims();
      if (said === undefined) throw new Error('there is no ID token');
      const { iss: issuer, sub: subject } = said;
      if (this.#settings.claims.every((name) => said[name] !== undefined)) {
        return { issuer, subject, claims: said };
      }
      // Many providers say of groups there alone (OpenID Connect Core 5.4).
      const more = await library.fetchUserInfo(configuration, tokens.access_token, subject);
      return { issuer, subject, claims: { ...more, ...said } };
    } catch (error) {
      signal.throwIfAborted();
      throw this.#translated(error);
    }
  }

  async #configuration(library: Library, signal: AbortSignal): Promise<Configuration> {
    signal.throwIfAborted();
    const nowMs = this.#nowMs();
    if (this.#known !== null && nowMs - this.#known.atMs < freshMs) {
      return this.#known.configuration;
    }
    try {
      const configuration = await this.#discover(library);
      this.#known = { configuration, atMs: nowMs };
      return configuration;
    } catch (error) {
      signal.throwIfAborted();
      const message = `${this.issuer} does not answer as an OpenID provider: ${causeText(error)}`;
      throw new SignInProviderError(message, { code: 'away', cause: error });
    }
  }

  #discover(library: Library): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings;
    const url = new URL(issuer);
    const proof = clientSecret === null ? library.None() : library.ClientSecretBasic(clientSecret);
    const execute = [
      library.enableNonRepudiationChecks,
      ...(url.protocol === 'http:' ? [library.allowInsecureRequests] : []),
    ];
    const options = { execute, timeout: requestTimeoutSeconds };
    return library.discovery(url, clientId, {}, proof, options);
  }

  #translated(error: unknown): SignInProviderError {
    const isAway = error instanceof TypeError || (error instanceof Error && isTimeout(error));
    if (isAway) {
      const message = `${this.issuer} does not answer: ${causeText(error)}`;
      return new SignInProviderError(message, { code: 'away', cause: error });
    }
    const message = `${this.issuer} does not confirm the sign-in: ${causeText(error)}`;
    return new SignInProviderError(message, { code: 'refused', cause: error });
  }
}

function isTimeout({ name, cause }: Error): boolean {
  return name === 'TimeoutError' || (cause instanceof Error && cause.name === 'TimeoutError');
}

/** The innermost reason, bounded. It has no code, token or secret in it: those are in none of the library's messages. */
function causeText(error: unknown): string {
  let found = error;
  for (
    let depth = 0;
    depth < 4 && found instanceof Error && found.cause instanceof Error;
    depth++
  ) {
    found = found.cause;
  }
  return (found instanceof Error ? found.message : String(found)).slice(0, 300);
}
