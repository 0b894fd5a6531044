/** What came over the wire has not the shape it must have. Caught where a line is parsed, never further. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

export function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedError(`${name} must be an object`);
  }
  return value as Record<string, unknown>;
}

export function list(value: Record<string, unknown>, key: string): readonly unknown[] {
  const found = value[key];
  if (!Array.isArray(found)) throw new MalformedError(`${key} must be a list`);
  return found;
}

export function text(value: Record<string, unknown>, key: string): string {
  const found = value[key];
  if (typeof found !== 'string') throw new MalformedError(`${key} must be a string`);
  return found;
}

export function number(value: Record<string, unknown>, key: string): number {
  const found = value[key];
  if (typeof found !== 'number') throw new MalformedError(`${key} must be a number`);
  return found;
}

export function integer(value: Record<string, unknown>, key: string): number {
  const found = value[key];
  if (typeof found !== 'number' || !Number.isSafeInteger(found)) {
    throw new MalformedError(`${key} must be an integer`);
  }
  return found;
}

export function texts(value: Record<string, unknown>, key: string): readonly string[] {
  return list(value, key).map((item) => {
    if (typeof item === 'string') return item;
    throw new MalformedError(`${key} must be texts`);
  });
}

export function oneOf<Choice extends string>(
  value: Record<string, unknown>,
  key: string,
  choices: readonly Choice[],
): Choice {
  const written = text(value, key);
  const known = choices.find((each) => each === written);
  if (known !== undefined) return known;
  throw new MalformedError(`${key} must be one of ${choices.join(', ')}`);
}
