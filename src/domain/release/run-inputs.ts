/** What an instance is given besides its command and its plain environment. Parts of a revision's content. */

/** Where a secret's value is: a file, or a variable of the server. Never the value. */
export type SecretSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment'; readonly name: string };

export interface SecretReference {
  readonly source: SecretSource;
  /** HMAC-SHA-256 of the value under a key of this server alone, 64 hex digits: whether it is the same can be told, no more. */
  readonly digest: string;
}

/** A file as it was when the revision was applied; its content is kept by digest. */
export interface ConfigFile {
  /** In the folder that an instance finds in TIDEGATE_CONFIG. No separators. */
  readonly name: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface RunInputs {
  /** By the name of the variable that an instance gets. */
  readonly secrets?: Readonly<Record<string, SecretReference>>;
  readonly configFiles?: readonly ConfigFile[];
}
