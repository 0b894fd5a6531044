import type { Revision } from '../../domain/release/revision.ts';
import { LAUNCH_VARIABLE } from './process-group.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Everything of the server's own environment that an instance gets: enough to find programs, no secrets. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ'] as const;

export interface InstanceFacts {
  readonly instanceId: string;
  readonly port: number;
  readonly launchId: string;
  readonly gatewayUrl: string;
  /** Where and how it asks for flags; null: nowhere. */
  readonly flags: { readonly url: string; readonly token: string } | null;
  /** Variables that name its certificate; none where it has none. */
  readonly identity?: Readonly<Record<string, string>>;
  /** Of the revision, by name; absent: it has none. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Where its config files are; absent: it has none. */
  readonly configFolder?: string;
}

/** Later wins: inherited, declared by the revision, and last what only the platform knows, which nobody overrides. */
export function instanceEnvironment(
  inherited: Environment,
  revision: Revision,
  facts: InstanceFacts,
): Readonly<Record<string, string>> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = inherited[name];
    if (value !== undefined) environment[name] = value;
  }
  return {
    ...environment,
    ...revision.env,
    ...facts.secrets,
    PORT: String(facts.port),
    TIDEGATE_INSTANCE: facts.instanceId,
    TIDEGATE_SERVICE: revision.service,
    TIDEGATE_REVISION: revision.id,
    TIDEGATE_GATEWAY: facts.gatewayUrl,
    ...facts.identity,
    ...flagVariables(facts.flags),
    ...(facts.configFolder === undefined ? {} : { TIDEGATE_CONFIG: facts.configFolder }),
    [LAUNCH_VARIABLE]: facts.launchId,
  };
}

/** Names and forms of OFREP's decision record 7, as its SDKs read them. */
function flagVariables(flags: InstanceFacts['flags']): Readonly<Record<string, string>> {
  if (flags === null) return {};
  return { OFREP_ENDPOINT: flags.url, OFREP_HEADERS: `Authorization=Bearer ${flags.token}` };
}
