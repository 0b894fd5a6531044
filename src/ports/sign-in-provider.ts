/** What has to be kept between going to the provider and coming back; a secret of the server. */
export interface PendingSignIn {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  /** Where the provider sends the browser back to. */
  readonly redirectUrl: string;
}

/** Somebody as the provider knows them; the claims are as it says them, and of any shape. */
export interface ProvidedPerson {
  readonly issuer: string;
  readonly subject: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** `away`: nobody answers as a provider, which may pass. `refused`: this sign-in is not good, for whatever reason. */
export class SignInProviderError extends Error {
  override readonly name = 'SignInProviderError';
  readonly code: 'away' | 'refused';
  readonly retryable: boolean;

  constructor(message: string, options: { readonly code: 'away' | 'refused'; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = options.code;
    this.retryable = options.code === 'away';
  }
}

/**
 * Says who somebody is. Both calls ask the provider, each within a bound of its own, and reject with a SignInProviderError; neither
 * tries again. `finish` is right for the very `pending` of the `begin` whose browser comes back, once; whoever calls keeps the two
 * together. An abort ends the waiting.
 */
export interface SignInProvider {
  readonly issuer: string;
  /** `url` is where the browser goes. */
  begin(
    redirectUrl: string,
    signal: AbortSignal,
  ): Promise<{ readonly url: string; readonly pending: PendingSignIn }>;
  /** `url`: the whole one the browser came back to. */
  finish(url: string, pending: PendingSignIn, signal: AbortSignal): Promise<ProvidedPerson>;
}
