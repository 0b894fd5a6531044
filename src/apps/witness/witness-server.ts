import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import { signatureOf, signedMessage } from '../../domain/evidence/checkpoint.ts';
import type { Checkpoint } from '../../domain/evidence/checkpoint.ts';
import { noteKey } from '../../domain/evidence/note-key.ts';
import { formatNoteLine } from '../../domain/evidence/signed-note.ts';
import { parseWitnessRequest } from '../../domain/evidence/witness-request.ts';
import { judgeWitnessRequest } from '../../domain/evidence/witness-rules.ts';
import type { Clock } from '../../ports/clock.ts';
import type { NoteSigner } from '../../ports/identity.ts';
import type { WitnessStore } from './witness-store.ts';

export interface WitnessParts {
  readonly name: string;
  readonly store: Pick<WitnessStore, 'log' | 'advance'>;
  readonly signer: NoteSigner;
  readonly clock: Clock;
  readonly log: (message: string, fields: object) => void;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

/** c2sp.org/tlog-witness over HTTP: POST /add-checkpoint, and nothing else. */
export function witnessServer(parts: WitnessParts): Server {
  const server = createServer((request, response) => {
    answer(parts, request)
      .catch((error: unknown): Answer => {
        parts.log('a request failed', { error: String(error) });
        return { status: 500, body: 'the witness failed\n' };
      })
      .then((each) => send(response, each))
      .catch(() => response.destroy());
  });
  server.headersTimeout = READ_TIMEOUT_MS;
  server.requestTimeout = READ_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

/** A proof of 63 hashes and a note of some post-quantum signatures. */
const MAX_REQUEST_BYTES = 256 * 1024;
const READ_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 256;

async function answer(parts: WitnessParts, request: IncomingMessage): Promise<Answer> {
  if (request.url !== '/add-checkpoint') return { status: 404, body: 'there is no such path\n' };
  if (request.method !== 'POST') return { status: 405, body: 'only POST\n' };
  const bytes = await bodyOf(request);
  if (bytes === null) return { status: 413, body: `at most ${MAX_REQUEST_BYTES} bytes\n` };
  try {
    return await judged(parts, bytes);
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    return { status: 400, body: `${error.message}\n` };
  }
}

async function judged(parts: WitnessParts, bytes: Uint8Array): Promise<Answer> {
  const { store, log } = parts;
  const request = parseWitnessRequest(bytes);
  const verdict = judgeWitnessRequest(request, (origin) => store.log(origin));
  switch (verdict.kind) {
    case 'stale':
      return sizeAnswer(verdict.size);
    case 'refuse':
      log('refused a checkpoint', { status: verdict.status, what: verdict.what });
      return { status: verdict.status, body: `${verdict.what}\n` };
    case 'cosign': {
      const { checkpoint } = verdict;
      // Compared and stored in one step, before anything is signed: another request may have been quicker.
      if (!store.advance(checkpoint, request.oldSize)) {
        return sizeAnswer(store.log(checkpoint.origin)?.size ?? 0n);
      }
      log('cosigned', { origin: checkpoint.origin, size: `${checkpoint.size}` });
      return { status: 200, body: await cosignature(parts, checkpoint) };
    }
  }
}

function sizeAnswer(size: bigint): Answer {
  return { status: 409, body: `${size}\n`, type: 'text/x.tlog.size' };
}

async function cosignature(
  { name, signer, clock }: WitnessParts,
  checkpoint: Checkpoint,
): Promise<string> {
  const key = noteKey(name, signer.type, signer.publicKey);
  const atSeconds = BigInt(Math.floor(clock.nowMs() / 1000));
  const message = signedMessage(key, checkpoint, atSeconds);
  const bare = await signer.sign(message, AbortSignal.timeout(READ_TIMEOUT_MS));
  const signature = signatureOf(key.type, atSeconds, bare);
  return formatNoteLine({ name, keyId: key.keyId, signature });
}

/** Null: it is too long. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // The rest of what is too long is read and forgotten, so that whoever sends it hears why.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const each = Buffer.from(chunk as Uint8Array);
    bytes += each.length;
    if (bytes > MAX_REQUEST_BYTES) return null;
    chunks.push(each);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, { status, body, type }: Answer): void {
  response.writeHead(status, { 'content-type': type ?? 'text/plain; charset=utf-8' });
  response.end(body);
}
