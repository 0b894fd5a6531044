/**
 * Gives instances what proves who they are: a key, a certificate with the service's SPIFFE identifier, and the authorities to trust, as
 * files that are replaced long before the certificate ends. Renewing is the adapter's own affair and goes on until it is disposed of;
 * what was written stays, and is renewed again by the next object over the same place.
 */
export interface WorkloadIdentities {
  /** Whose certificate an instance of the service shows: a SPIFFE identifier's text. */
  idOf(service: string): string;

  /**
   * Has the files of an instance there and fresh; resolves with the environment variables that name them. Idempotent. Rejects when
   * nothing can be signed: the instance must not start without an identity that it is to have.
   */
  grant(workload: {
    readonly instanceId: string;
    readonly service: string;
  }): Promise<Readonly<Record<string, string>>>;

  /** When the certificate that an instance has now ends; null: it has none. */
  endsAtMs(instanceId: string): number | null;

  /** The instance is gone, and so are its files. Nothing there: nothing happens. */
  withdraw(instanceId: string): Promise<void>;

  /** For connections of the control plane to instances, as probes make them. */
  ownCredentials(): Promise<Credentials>;
}

/** For one end of a TLS connection, as PEM. The key is secret. */
export interface Credentials {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly bundlePem: string;
}
