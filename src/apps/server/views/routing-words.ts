import { formatDuration } from '../../../api/release-file/duration.ts';
import type { ServiceView } from '../../../api/wire.ts';
import { jwtWords, limitWords, retryWords } from './policy-words.ts';
import type { ServiceSpec, Step } from '../../../domain/release/revision.ts';
import type { NamedValue, RequestMatch } from '../../../domain/traffic/routing/request-match.ts';
import type { RuleTimeouts } from '../../../domain/traffic/routing/route-rules.ts';
import type { StickyKey } from '../../../domain/traffic/routing/sticky.ts';

/** How a service's requests find their way, as the API shows it; what is not set is left out. */
export function routingWords({ rules, sticky, plan }: ServiceSpec): Partial<ServiceView['spec']> {
  const matched = plan.steps.flatMap((step) => {
    const matches = stepMatches(step);
    return matches.length === 0 ? [] : [{ weightPercent: step.weightPercent, matches }];
  });
  return {
    ...(rules === undefined
      ? {}
      : {
          rules: rules.map(
            ({ name, matches, timeouts, maxBodyBytes, retries, rateLimits, jwt }) => ({
              name,
              matches: matches.map(matchWords),
              timeouts: timeoutWords(timeouts),
              ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
              ...(retries === undefined ? {} : { retries: retryWords(retries) }),
              ...(rateLimits === undefined ? {} : { rateLimit: limitWords(rateLimits) }),
              ...(jwt === undefined ? {} : { jwt: jwtWords(jwt) }),
            }),
          ),
        }),
    ...(sticky === undefined ? {} : { sticky: stickyWords(sticky) }),
    ...(matched.length === 0 ? {} : { stepMatches: matched }),
  };
}

/** `GET /search/*, header x-team: shop, query v=2, cookie beta=yes`. */
export function matchWords({ path, method, headers, queryParams, cookies }: RequestMatch): string {
  const where = path.type === 'Exact' ? path.value : `${path.value.replace(/\/$/, '')}/*`;
  const pairs = (word: string, between: string, values: readonly NamedValue[]) =>
    values.map(({ name, value }) => `${word} ${name}${between}${value}`);
  return [
    method === null ? where : `${method} ${where}`,
    ...pairs('header', ': ', headers),
    ...pairs('query', '=', queryParams),
    ...pairs('cookie', '=', cookies),
  ].join(', ');
}

function stepMatches({ match, matches = [] }: Step): string[] {
  const byHeader = match === null ? [] : [`header ${match.name}: ${match.value}`];
  return [...byHeader, ...matches.map(matchWords)];
}

function stickyWords(key: StickyKey): string {
  return key.kind === 'address' ? 'client address' : `${key.kind} ${key.name}`;
}

function timeoutWords(timeouts: RuleTimeouts | undefined): Record<string, string> {
  const { requestMs, backendRequestMs, idleMs } = timeouts ?? {};
  return {
    ...(requestMs === undefined ? {} : { request: formatDuration(requestMs) }),
    ...(backendRequestMs === undefined ? {} : { backendRequest: formatDuration(backendRequestMs) }),
    ...(idleMs === undefined ? {} : { idle: formatDuration(idleMs) }),
  };
}
