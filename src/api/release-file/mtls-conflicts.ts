interface WrittenTls {
  readonly appProtocol?: string | undefined;
  readonly traffic: {
    readonly mtls?: { readonly mode: 'off' | 'permissive' | 'strict' } | undefined;
  };
}

/** What `mtls` and `appProtocol` say together: TLS that nobody has a certificate for, or a strict service with an open back door. */
export function refuseHalfTls(
  { appProtocol, traffic }: WrittenTls,
  context: { addIssue(issue: { code: 'custom'; path: PropertyKey[]; message: string }): void },
): void {
  const mode = traffic.mtls?.mode ?? 'off';
  if (appProtocol === 'https' && mode === 'off') {
    const message =
      '"https" needs "traffic.mtls.mode" permissive or strict: without it instances have no certificate';
    context.addIssue({ code: 'custom', path: ['appProtocol'], message });
  }
  if (mode === 'strict' && appProtocol !== 'https') {
    const message =
      '"strict" needs "appProtocol: https": instances that take plaintext take it from anybody on their machine';
    context.addIssue({ code: 'custom', path: ['traffic', 'mtls', 'mode'], message });
  }
}
