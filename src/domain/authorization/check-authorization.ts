import { addressBlock } from './address-block.ts';
import {
  type Authorization,
  authorizationActions,
  authorizationLimits,
  authorizationModes,
  type AuthorizationRule,
} from './authorization.ts';

/** Notes what a gateway must not take, with its place below `place`: a rule that it would read in another way is no rule. */
export function checkAuthorization(
  { mode, rules }: Authorization,
  place: string,
  note: (place: string, message: string) => void,
): void {
  const { rules: rulesMax } = authorizationLimits;
  if (!authorizationModes.includes(mode)) note(`${place}.mode`, `'${mode}' is unknown`);
  if (rules.length > rulesMax) {
    note(`${place}.rules`, `more than ${rulesMax}`);
    return;
  }
  const names = new Set<string>();
  for (const [index, rule] of rules.entries()) {
    const rulePlace = `${place}.rules[${index}]`;
    if (names.has(rule.name)) note(`${rulePlace}.name`, `'${rule.name}' is there twice`);
    names.add(rule.name);
    const fault = ruleFault(rule);
    if (fault !== null) note(rulePlace, fault);
  }
}

function ruleFault({ name, action, from, to, when, place = '' }: AuthorizationRule): string | null {
  const { parts, values, textLength, placeLength } = authorizationLimits;
  if (!authorizationActions.includes(action)) return `has the unknown action '${action}'`;
  if (Math.max(from.length, to.length, when.length) > parts) return `has more than ${parts} parts`;
  const lists = [
    ...from.flatMap((each) => [each.principals, each.namespaces, each.ipBlocks]),
    ...to.flatMap((each) => [each.methods, each.paths]),
    ...when.map((each) => each.values),
  ];
  if (lists.some((list) => list.length > values)) return `has a list of more than ${values}`;
  const texts = [name, ...when.map(({ claim }) => claim), ...lists.flat()];
  if (texts.some((text) => text === '' || text.length > textLength)) {
    return `has a text that is empty or longer than ${textLength}`;
  }
  if (place.length > placeLength) return 'has too long a place';
  // A source without anything would be everybody.
  const isBare = from.some((each) => Object.values(each).every(isEmpty));
  if (isBare || to.some((each) => Object.values(each).every(isEmpty))) return 'has an empty part';
  if (when.some((each) => each.values.length === 0)) return 'has a claim without values';
  const block = from.flatMap((each) => each.ipBlocks).find((each) => addressBlock(each) === null);
  if (block !== undefined) return `has '${block}', which is no block of addresses`;
  const path = to.flatMap((each) => each.paths).find((each) => !/^(?:\*|\/.*)$/.test(each));
  return path === undefined ? null : `has '${path}', which is no path`;
}

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}
