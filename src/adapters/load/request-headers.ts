import { randomBytes } from 'node:crypto';

/**
 * The header lines of each request, undici's flat form: name, value, name, value. Each request is marked as synthetic,
 * so that analysis can leave it out (OpenTelemetry semantic conventions, `user_agent.synthetic.type`, derived from the
 * user agent), and carries a `traceparent` of its own (W3C Trace Context, section 3.2), not sampled.
 */
export function headerMaker(headers: Readonly<Record<string, string>>): () => string[] {
  const fixed = Object.entries({ 'user-agent': userAgent, ...lowerCased(headers) }).flat();
  // The run's random half and the request's number make the ids unique and never all zero.
  const runId = randomBytes(8).toString('hex');
  let number = 0;
  return () => {
    number += 1;
    const requestId = number.toString(16).padStart(16, '0');
    return [...fixed, 'traceparent', `00-${runId}${requestId}-${requestId}-00`];
  };
}

const userAgent = 'tidegate-load/1 (user_agent.synthetic.type=test)';

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
