import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { ReleaseEvent } from '../../domain/release/event.ts';
import type { ServiceState } from '../../domain/release/service-state.ts';

/**
 * The events between two records of a service, kept beside the entry that the last of them led to. With them an entry
 * can be replayed: the same state and the same events give the same record.
 */
export function packEvents(events: readonly ReleaseEvent[]): Uint8Array {
  return zstdCompressSync(events.map((event) => JSON.stringify(event)).join('\n'));
}

/** Throws when the bytes are not what packEvents made; the ledger has checked their digest already. */
export function unpackEvents(bytes: Uint8Array): readonly ReleaseEvent[] {
  const text = unpackText(bytes);
  if (text === '') return [];
  return text.split('\n').map((line) => JSON.parse(line) as ReleaseEvent);
}

/** A service's state after a record, so that recovery need not replay its whole life. */
export function packState(state: ServiceState): Uint8Array {
  return zstdCompressSync(JSON.stringify(state));
}

export function unpackState(bytes: Uint8Array): ServiceState {
  return JSON.parse(unpackText(bytes)) as ServiceState;
}

/** One record's events are at most a few hundred; this bound only stops a decompression bomb. */
const unpackedSizeBytesMax = 64 * 1024 * 1024;

function unpackText(bytes: Uint8Array): string {
  return zstdDecompressSync(bytes, { maxOutputLength: unpackedSizeBytesMax }).toString('utf8');
}
