/**
 * Who a workload is: `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/NAME` (SPIFFE-ID specification, sections 2.1 to 2.3).
 *
 * The path is that of Istio and of SPIRE on Kubernetes: a service here has a service account of its name there, so policies
 * that name a principal stay as they are when a service moves. A path like `/service/NAME` has nothing to say of namespaces
 * and is nobody's convention. Identifiers with other paths are valid, and of no workload that Tidegate knows.
 */
export interface SpiffeId {
  /** The whole identifier. Two are the same if their texts are: there is one way to write each. */
  readonly text: string;
  readonly trustDomain: string;
  /** Begins with a slash; '' for the identifier of a trust domain itself. */
  readonly path: string;
  /** Null: the path is not of the form above. */
  readonly workload: Workload | null;
}

/** What the path says. */
export interface Workload {
  readonly namespace: string;
  /** Of the service. */
  readonly name: string;
}

export type ParsedSpiffeId =
  | { readonly kind: 'id'; readonly id: SpiffeId }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Of a service whose file names none: as in Kubernetes. */
export const defaultNamespace = 'default';
/** Of Tidegate's own parts: `gateway` and `server` in it. */
export const systemNamespace = 'tidegate';

/** Of the whole in bytes (section 2.3), which are ASCII all of them, and of the host (RFC 3986 section 3.2.2). */
export const spiffeIdLengthMax = 2048;
const trustDomainLengthMax = 255;

const scheme = 'spiffe://';
const trustDomainPattern = /^[a-z0-9._-]+$/;
const segmentPattern = /^[A-Za-z0-9._-]+$/;

/** Strict: what another reader could take in another way is refused, and never mended. */
export function parseSpiffeId(text: string): ParsedSpiffeId {
  if (text.length > spiffeIdLengthMax) return malformed(`longer than ${spiffeIdLengthMax} bytes`);
  if (!text.startsWith(scheme)) return malformed(`does not begin with '${scheme}'`);
  const rest = text.slice(scheme.length);
  const slash = rest.indexOf('/');
  const trustDomain = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? '' : rest.slice(slash);
  const fault = trustDomainFault(trustDomain) ?? pathFault(path);
  if (fault !== null) return malformed(fault);
  return { kind: 'id', id: { text, trustDomain, path, workload: workloadOf(path) } };
}

/** Null: it can name a trust domain. No port and no user: those would be another authority (section 2.1). */
export function trustDomainFault(name: string): string | null {
  if (name === '') return 'has no trust domain';
  if (name.length > trustDomainLengthMax) {
    return `has a trust domain longer than ${trustDomainLengthMax} bytes`;
  }
  if (trustDomainPattern.test(name)) return null;
  return 'has a trust domain with other characters than a-z 0-9 . - _';
}

/** Throws RangeError for what `parseSpiffeId` would refuse; names of services and namespaces never are such. */
export function spiffeIdOf(trustDomain: string, { namespace, name }: Workload): SpiffeId {
  const parsed = parseSpiffeId(`${scheme}${trustDomain}/ns/${namespace}/sa/${name}`);
  if (parsed.kind === 'id' && parsed.id.workload?.name === name) return parsed.id;
  const why = parsed.kind === 'malformed' ? parsed.reason : 'has a slash in a name';
  throw new RangeError(`cannot make an identifier of '${namespace}' and '${name}': it ${why}`);
}

/** The identifier of a certificate authority (X509-SVID section 3.2): a trust domain without a path. */
export function trustDomainIdOf(trustDomain: string): SpiffeId {
  const parsed = parseSpiffeId(`${scheme}${trustDomain}`);
  if (parsed.kind === 'id' && parsed.id.path === '') return parsed.id;
  throw new RangeError(`cannot make an identifier of the trust domain '${trustDomain}'`);
}

/** Segments are not empty, none is a step of a relative path, and nothing is percent-encoded (section 2.2). */
function pathFault(path: string): string | null {
  if (path === '') return null;
  for (const segment of path.slice(1).split('/')) {
    if (segment === '') return 'has an empty segment in its path, or a slash at its end';
    if (segment === '.' || segment === '..') return `has the segment '${segment}' in its path`;
    if (!segmentPattern.test(segment)) {
      return 'has a path with other characters than a-z A-Z 0-9 . - _';
    }
  }
  return null;
}

function workloadOf(path: string): Workload | null {
  const [, ns, namespace, sa, name, ...more] = path.split('/');
  const isForm = ns === 'ns' && sa === 'sa' && more.length === 0;
  return isForm && namespace !== undefined && name !== undefined ? { namespace, name } : null;
}

function malformed(reason: string): ParsedSpiffeId {
  return { kind: 'malformed', reason };
}
