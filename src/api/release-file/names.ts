import { matching, text } from './fields.ts';
import type { TextRule } from './fields.ts';
import { quoted } from './reading.ts';

const label = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const nameWanted = 'a name of lower-case letters, digits and inner hyphens';

/** A label of RFC 1123 2.1, as Kubernetes asks of names: at most 63 characters. */
export const nameRule = matching(new RegExp(`^${label}$`), nameWanted, 63);

export function name() {
  return text(nameRule, { pattern: `^${label}$`, maxLength: 63 });
}

/** A host in lower case without scheme, port or wildcard: labels of RFC 1123 2.1 and dots, at most 253 characters. */
export const hostRule: TextRule = (host) => {
  const fault = hostPatternRule(host);
  const withPort = /^([-.a-z0-9]{1,253}):\d+$/i.exec(host);
  if (fault === null || withPort === null) return fault;
  return { reason: fault.reason, hint: 'leave the port out' };
};

const hostPatternRule = matching(
  new RegExp(`^${label}(?:\\.${label})*$`),
  'a host such as shop.localhost',
  253,
);

/** The path of a URL: RFC 3986 3.3, in printable ASCII, a query allowed. */
export const pathRule: TextRule = (path) => {
  const fault = pathPatternRule(path);
  if (fault === null || !/^[-./\w]+$/.test(path)) return fault;
  return { reason: fault.reason, hint: `did you mean "/${path}"?` };
};

const pathPatternRule = matching(/^\/[!$-;=?-Z_a-z~%]*$/, 'a path such as /readyz', 1024);

/** A token of RFC 9110 5.6.2; methods are case-sensitive, and all that are in use are upper case. */
export const methodRule: TextRule = (method) => {
  const fault = methodPatternRule(method);
  const upper = method.toUpperCase();
  if (fault === null || methodPatternRule(upper) !== null) return fault;
  return { reason: fault.reason, hint: `did you mean ${quoted(upper)}?` };
};

const methodPatternRule = matching(/^[A-Z][A-Z-]*$/, 'a method such as GET', 32);

/** A field name is a token of RFC 9110 5.6.2. */
export const headerNameRule = matching(
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  'a header name such as x-canary',
  128,
);

/** Visible ASCII with inner spaces: the part of RFC 9110 5.5 that every proxy passes on as it is. */
export const headerValueRule = matching(
  /^[!-~](?:[ -~]*[!-~])?$/,
  'a header value in visible ASCII',
  256,
);

/** A name of IEEE Std 1003.1 8.1 (lower case allowed too). PORT is taken. */
export const environmentNameRule: TextRule = (name) => {
  if (name === 'PORT') {
    return { reason: 'is set for each instance and cannot be given', hint: 'remove it' };
  }
  return environmentPatternRule(name);
};

const environmentPatternRule = matching(
  /^[A-Za-z_][A-Za-z0-9_]*$/,
  'a name of letters, digits and underscores that begins with no digit',
  256,
);

const labelWord = '[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?';

/** Keys of labels and annotations: as Kubernetes has them, so one file serves both. */
export const labelKeyRule = matching(
  new RegExp(`^(?:[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?/)?${labelWord}$`),
  'a label key such as team or example.com/team',
  317,
);

/** Values of labels: at most 63 characters, empty allowed. */
export const labelValueRule: TextRule = (value) => (value === '' ? null : labelWordRule(value));

const labelWordRule = matching(
  new RegExp(`^${labelWord}$`),
  'letters and digits, with inner "-", "_" and "."',
  63,
);

/** Anything up to a length. */
export function anyText(lengthMax: number): TextRule {
  return (value) =>
    value.length <= lengthMax
      ? null
      : { reason: `must have at most ${lengthMax} characters, not ${value.length}`, hint: null };
}
