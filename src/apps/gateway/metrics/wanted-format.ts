import type { MetricsFormat } from './render-metrics.ts';

const partsMax = 32;

/**
 * Which format an Accept header asks for (RFC 9110 section 12.5.1): OpenMetrics if it is named and nothing is liked better.
 * Nobody who does not name it gets it.
 */
export function wantedFormat(accept: string | undefined): MetricsFormat {
  let open = 0;
  let plain = 0;
  for (const part of (accept ?? '').split(',', partsMax)) {
    const [type = '', ...parameters] = part.split(';').map((each) => each.trim().toLowerCase());
    const quality = qualityOf(parameters);
    if (type === 'application/openmetrics-text' && isServed(parameters)) {
      open = Math.max(open, quality);
    }
    if (type === 'text/plain' || type === 'text/*') plain = Math.max(plain, quality);
  }
  return open > 0 && open >= plain ? 'openmetrics' : 'text';
}

function qualityOf(parameters: readonly string[]): number {
  const given = parameters.find((each) => each.startsWith('q='));
  const quality = Number(given?.slice(2) ?? 1);
  return quality >= 0 && quality <= 1 ? quality : 0;
}

/** 0.0.1 was the draft; a scraper that wants only that is given the older format. */
function isServed(parameters: readonly string[]): boolean {
  const version = parameters.find((each) => each.startsWith('version='));
  return version === undefined || version === 'version=1.0.0';
}
