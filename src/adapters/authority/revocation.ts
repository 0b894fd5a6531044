import { normalSerial } from '../../domain/identity/deny-list.ts';
import { parseSpiffeId } from '../../domain/identity/spiffe-id.ts';

/** What was taken back before its end. */
export type Revocation = {
  readonly reason: string;
  readonly atMs: number;
  /** The certificates have ended by themselves. */
  readonly untilMs: number;
} & (
  | { readonly kind: 'serial'; readonly serial: string }
  | { readonly kind: 'identity'; readonly id: string; readonly notBeforeUntilMs: number }
);

/** Null: it is none. */
export function parseRevocation(text: string): Revocation | null {
  try {
    const value = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    const { reason, atMs, untilMs, kind, serial, id, notBeforeUntilMs } = value ?? {};
    if (typeof reason !== 'string' || typeof atMs !== 'number' || typeof untilMs !== 'number') {
      return null;
    }
    const same = { reason, atMs, untilMs };
    if (kind === 'serial' && typeof serial === 'string' && normalSerial(serial) !== '') {
      return { ...same, kind, serial: normalSerial(serial) };
    }
    if (kind !== 'identity' || typeof id !== 'string' || typeof notBeforeUntilMs !== 'number') {
      return null;
    }
    return parseSpiffeId(id).kind === 'id' ? { ...same, kind, id, notBeforeUntilMs } : null;
  } catch {
    // No JSON: told as such.
    return null;
  }
}
