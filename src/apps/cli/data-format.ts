import { print, type Session } from './session.ts';

export type DataFormat = 'json' | 'yaml';

export async function printData(
  session: Session,
  data: unknown,
  format: DataFormat,
): Promise<void> {
  if (format === 'json') return print(session, [JSON.stringify(data, null, 2)]);
  const { stringify } = await import('yaml');
  print(session, [stringify(data).trimEnd()]);
}

/** kubectl's shape: one thing asked for by name comes as it is, else a list. */
export function asList(items: readonly unknown[]): unknown {
  return { apiVersion: 'tidegate.dev/v1', kind: 'List', items };
}
