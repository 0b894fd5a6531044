import { KEY_STREAM } from '../../../control/recording/wanted-signer.ts';
import { KeyDirectory, type MachineKey } from '../../../domain/evidence/key-directory.ts';
import { readLeaf } from '../../../domain/evidence/leaf.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print, say, type Session } from '../session.ts';
import { tableLines } from '../views/table.ts';
import { withLedger } from '../ledger/ledger-reader.ts';

export interface KeysOptions {
  readonly output?: DataFormat;
}

/** The keys that the ledger was ever signed with, and for which entries. */
export async function listLedgerKeys(session: Session, options: KeysOptions): Promise<ExitCode> {
  const keys = (await machineKeys(session)).map(keyView);
  if (options.output !== undefined) {
    await printData(session, keys, options.output);
    return exitCodes.ok;
  }
  const rows = keys.map((key) => [
    key.isInUse ? 'in use' : 'ended',
    `${key.validFromIndex}-${key.validToIndex ?? ''}`,
    key.keyId,
    key.decisionKeyId ?? '-',
  ]);
  const heads = ['STATE', 'ENTRIES', 'ED25519', 'ML-DSA-65'];
  print(session, tableLines({ heads, rows }, false));
  return exitCodes.ok;
}

/** Has the server make new keys and go on with them. */
export async function rotateLedgerKeys(
  session: Session,
  reason: string,
  options: KeysOptions,
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const body = { who: session.who, reason };
  const rotated = await client.post('/v1/ledger/keys/rotate', { body, signal: session.signal });
  if (options.output !== undefined) await printData(session, rotated, options.output);
  else {
    print(session, [
      `entry ${rotated.entryIndex} ends key ${rotated.beforeKeyId}`,
      `from entry ${rotated.entryIndex + 1} on: key ${rotated.keyId}`,
      'what auditors and witnesses have to know from now on:',
      ...rotated.policy,
    ]);
  }
  say(
    session,
    'In every trust policy, put these log lines in the place of the old ones (tidegate ledger keys prints them again).',
    "Tell each witness: start it with a --log for each line. It refuses this ledger's checkpoints until then.",
  );
  return exitCodes.ok;
}

/** A key in use ends by a rotation, so that the ledger is never without one; the entry has the reason. */
export async function revokeLedgerKey(
  session: Session,
  keyId: string,
  options: KeysOptions & { readonly reason: string },
): Promise<ExitCode> {
  const keys = (await machineKeys(session)).map(keyView);
  const found = keys.find((key) => key.keyId === keyId || key.decisionKeyId === keyId);
  if (found === undefined) {
    throw new CliError(`the ledger knows no key ${keyId}`, {
      code: 'usage',
      remedy: 'see them: tidegate ledger keys list',
    });
  }
  if (!found.isInUse) {
    throw new CliError(
      `key ${keyId} ended with entry ${found.validToIndex}: what it signs later is refused already`,
      {
        code: 'refused',
        remedy:
          'were earlier entries forged with it? Compare the ledger with a checkpoint that a witness cosigned',
      },
    );
  }
  return rotateLedgerKeys(session, `key ${keyId} is revoked: ${options.reason}`, options);
}

function keyView({ keyId, validFromIndex, validToIndex, set }: MachineKey) {
  return {
    keyId,
    decisionKeyId: set?.mlDsa65.keyId ?? null,
    validFromIndex,
    validToIndex,
    isInUse: validToIndex === null,
  };
}

async function machineKeys(session: Session): Promise<readonly MachineKey[]> {
  const directory = new KeyDirectory();
  await withLedger(session, async (ledger) => {
    const query = { fromIndex: 0, stream: KEY_STREAM };
    for await (const { index, leaf } of ledger.read(query, session.signal)) {
      directory.apply(index, readLeaf(leaf).statement.data);
    }
    return exitCodes.ok;
  });
  return directory.machineKeys();
}
