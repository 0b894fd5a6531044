/** Names and values in turn as node:http2 wants trailers. */
export function fieldRecord(pairs: readonly string[]): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {};
  for (let index = 0; index < pairs.length; index += 2) {
    const name = pairs[index] ?? '';
    const value = pairs[index + 1] ?? '';
    const before = record[name];
    if (before === undefined) record[name] = value;
    else record[name] = typeof before === 'string' ? [before, value] : [...before, value];
  }
  return record;
}
