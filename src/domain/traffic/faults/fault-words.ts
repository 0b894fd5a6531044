import type { FaultRule } from './fault-rule.ts';
import type { NamedValue, RequestMatch } from '../routing/request-match.ts';

/** `200 ms later for 10 % of the requests to revision r2 with GET /pay/*, as evidence`. */
export function faultWords(rule: FaultRule): string {
  const { delay, abort, revisionId, instanceId, ruleName, matches, isEvidence } = rule;
  const what = [
    ...(delay === undefined ? [] : [`${delay.fixedDelayMs} ms later for ${delay.percent} %`]),
    ...(abort === undefined ? [] : [`${abortWords(abort.with)} for ${abort.percent} %`]),
  ].join(', ');
  const whose = [
    ...(revisionId === undefined ? [] : [`to revision ${revisionId}`]),
    ...(instanceId === undefined ? [] : [`to instance ${instanceId}`]),
    ...(ruleName === undefined ? [] : [`of rule ${ruleName}`]),
    ...(matches.length === 0 ? [] : [`with ${matches.map(matchWords).join(' or ')}`]),
  ].join(' ');
  const requests = whose === '' ? 'all requests' : `the requests ${whose}`;
  return `${what} of ${requests}${isEvidence === true ? ', as evidence' : ''}`;
}

function abortWords(how: number | 'reset'): string {
  return how === 'reset' ? 'a reset' : `status ${how}`;
}

function matchWords({ path, method, headers, queryParams, cookies }: RequestMatch): string {
  const place = path.type === 'Exact' ? path.value : `${path.value.replace(/\/$/, '')}/*`;
  const named = (kind: string, values: readonly NamedValue[]): string[] =>
    values.map(({ name, value }) => `${kind} ${name}=${value}`);
  return [
    method === null ? place : `${method} ${place}`,
    ...named('header', headers),
    ...named('query', queryParams),
    ...named('cookie', cookies),
  ].join(', ');
}
