interface WrittenTls {
  readonly appProtocol?: string | undefined;
  readonly traffic: {
    readonly mtls?: { readonly mode: 'off' | 'permissive' | 'strict' } | undefined;
  };
  readonly rollout: {
    readonly blueGreen?:
      | {
          readonly warmUp?: unknown;
          readonly checks: readonly unknown[];
          readonly load?: unknown;
        }
      | undefined;
  };
}

interface Context {
  addIssue(issue: { code: 'custom'; path: PropertyKey[]; message: string }): void;
}

/** What `mtls` and `appProtocol` say together: TLS that nobody has a certificate for, or a strict service with an open back door. */
export function refuseHalfTls(
  { appProtocol, traffic, rollout }: WrittenTls,
  context: Context,
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
  if (mode === 'strict') refuseRefusedChecks(rollout, context);
}

/** What looks at a standby asks the gateway without TLS, so that a strict service would never be switched. */
function refuseRefusedChecks({ blueGreen }: WrittenTls['rollout'], context: Context): void {
  const asking = {
    warmUp: blueGreen?.warmUp !== undefined,
    checks: (blueGreen?.checks.length ?? 0) > 0,
    load: blueGreen?.load !== undefined,
  };
  for (const [key, isThere] of Object.entries(asking)) {
    if (!isThere) continue;
    const message = `"${key}" asks without TLS, which "traffic.mtls.mode: strict" refuses: use permissive, or leave it to "health"`;
    context.addIssue({ code: 'custom', path: ['rollout', 'blueGreen', key], message });
  }
}
