import type { Note } from './routing/check-header-name.ts';
import { type JwtRule, jwtLimits } from './jwt-rule.ts';

/** Of a route, or of one of its rules. The keys themselves are looked at where they are used. */
export function checkJwt(rule: JwtRule, place: string, note: Note): void {
  const { issuer, audiences, keys, claims } = rule;
  const { textLength, keysLength } = jwtLimits;
  const bounded = (key: string, text: string, lengthMax: number = textLength): void => {
    if (text === '' || text.length > lengthMax)
      note(`${place}.${key}`, `must have 1-${lengthMax} characters`);
  };
  const counted = (key: string, count: number, min: number, max: number): void => {
    if (count < min || count > max)
      note(`${place}.${key}`, `must be ${min}-${max}, but are ${count}`);
  };
  bounded('issuer', issuer);
  counted('audiences', audiences.length, 1, jwtLimits.audiences);
  for (const audience of audiences) bounded('audiences', audience);
  if (keys.kind === 'set') bounded('keys.text', keys.text, keysLength);
  else if (!/^https?:\/\//.test(keys.url)) note(`${place}.keys.url`, 'must be a URL');
  counted('claims', claims.length, 0, jwtLimits.claims);
  for (const { name, values } of claims) {
    bounded('claims.name', name);
    counted('claims.values', values.length, 1, jwtLimits.values);
    for (const value of values) bounded('claims.values', value);
  }
}
