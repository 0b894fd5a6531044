import { createPublicKey } from 'node:crypto';
import { resolve } from 'node:path';

import { KEY_STREAM } from '../../../control/recording/wanted-signer.ts';
import { KeyDirectory } from '../../../domain/evidence/key-directory.ts';
import { readLeaf } from '../../../domain/evidence/leaf.ts';
import {
  type SingleSignature,
  singleSignatures,
} from '../../../domain/evidence/single-signatures.ts';
import { CliError } from '../cli-error.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { withLedger } from '../ledger/ledger-reader.ts';
import { print, say, type Session } from '../session.ts';
import { writeWhole } from './ledger.ts';

/** Writes each signature of an entry by itself, in the forms that cosign, sigstore and openssl take. */
export async function ledgerSignatures(
  session: Session,
  index: number,
  options: { readonly save?: string },
): Promise<ExitCode> {
  return withLedger(session, async (ledger) => {
    const { signal } = session;
    const keys = new KeyDirectory();
    for await (const each of ledger.read({ fromIndex: 0, stream: KEY_STREAM }, signal)) {
      keys.apply(each.index, readLeaf(each.leaf).statement.data);
    }
    for await (const { leaf } of ledger.read({ fromIndex: index, stream: null }, signal)) {
      const base = resolve(session.workingFolder, options.save ?? `entry-${index}`);
      for (const single of singleSignatures(leaf)) await writeOne(session, base, { single, keys });
      return exitCodes.ok;
    }
    throw new CliError(`the ledger has no entry ${index}`, {
      code: 'refused',
      remedy: 'see them: tidegate events',
    });
  });
}

async function writeOne(
  session: Session,
  base: string,
  { single, keys }: { readonly single: SingleSignature; readonly keys: KeyDirectory },
): Promise<void> {
  const { by, algorithm, keyId, signature, signedBytes, bundle } = single;
  const name = `${base}.${by === 'person' ? 'person.' : ''}${algorithm}`;
  const files: readonly (readonly [string, string | Uint8Array])[] = [
    [`${name}.sigstore.json`, bundle],
    [`${name}.pae`, signedBytes],
    [`${name}.sig`, signature],
  ];
  for (const [path, bytes] of files) await writeWhole(path, Buffer.from(bytes));
  print(session, [`${name}.sigstore.json`, `${name}.pae`, `${name}.sig`]);
  const spki = keys.spkiOf(keyId);
  if (spki === null) {
    say(session, `The ledger does not know key ${keyId}: there is no ${name}.pem.`);
    return;
  }
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  await writeWhole(`${name}.pem`, Buffer.from(key.export({ type: 'spki', format: 'pem' })));
  print(session, [`${name}.pem`]);
}
