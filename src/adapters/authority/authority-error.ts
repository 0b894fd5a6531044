/** What the certificate authority's folder could not give, or could not take. Nothing of a key is ever in it. */
export class AuthorityError extends Error {
  override readonly name = 'AuthorityError';
  readonly code: 'unreadable' | 'refused' | 'conflict';
  readonly retryable: boolean;

  constructor(code: AuthorityError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.retryable = code === 'unreadable';
  }
}
