import type { AskedFlags } from '../../domain/flags/check-flags.ts';
import type { Traffic } from '../../domain/release/effect.ts';
import type { RouteTable } from '../../domain/traffic/routing/route-table.ts';

/** A table's flags: what each revision's instances see by the traffic that is wanted, and who they are. */
export function askedFlagsOf(
  traffic: Iterable<Traffic>,
  tokenSha256: ((revisionId: string) => string) | undefined,
): Pick<RouteTable, 'flags'> {
  if (tokenSha256 === undefined) return {};
  const flags: AskedFlags[] = [];
  for (const { service, flags: ofRevisions = [] } of traffic) {
    for (const each of ofRevisions) {
      flags.push({ service, ...each, tokenSha256: tokenSha256(each.revisionId) });
    }
  }
  return flags.length === 0
    ? {}
    : { flags: flags.toSorted((a, b) => (a.revisionId < b.revisionId ? -1 : 1)) };
}
