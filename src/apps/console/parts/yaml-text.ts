/**
 * JSON as YAML 1.2 block text. It writes only what it is sure of: a text that could be read as anything else is written in double quotes,
 * which JSON and YAML have in common.
 */
export function yamlText(value: unknown): string {
  return `${lines(value).join('\n')}\n`;
}

function lines(value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return ['[]'];
    return value.flatMap((item) => hung('- ', lines(item)));
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    if (fields.length === 0) return ['{}'];
    return fields.flatMap(([name, field]) => fieldLines(scalar(name), field));
  }
  return [scalar(value)];
}

function fieldLines(name: string, field: unknown): readonly string[] {
  const own = lines(field);
  const isBlock =
    typeof field === 'object' && field !== null && !/^(\[\]|\{\})$/.test(own[0] ?? '');
  return isBlock ? [`${name}:`, ...own.map((line) => `  ${line}`)] : [`${name}: ${own[0] ?? ''}`];
}

function hung(sign: string, own: readonly string[]): readonly string[] {
  return own.map((line, index) => (index === 0 ? sign : '  ') + line);
}

/** Letters first, so no number, no date, no sign of YAML; and none of the words that are values. */
const plain = /^[A-Za-z][\w./@-]*( [\w./@%()-]+)*$/;
const words = /^(true|false|null|yes|no|on|off|y|n)$/i;

function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value ?? null);
  return plain.test(value) && !words.test(value) ? value : JSON.stringify(value);
}
