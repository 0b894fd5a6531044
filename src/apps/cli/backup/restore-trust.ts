import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import type { LogKeyFiles } from '../../../adapters/system/log-keys.ts';
import { DAMAGED_REMEDY } from '../../../control/ledger/restore-refusal.ts';
import { MANIFEST_FILE } from '../../../domain/evidence/backup-manifest.ts';
import { EvidenceError } from '../../../domain/evidence/canonical-json.ts';
import { parsePolicy, type TrustPolicy } from '../../../domain/evidence/trust-policy.ts';
import { CliError } from '../cli-error.ts';
import type { Session } from '../session.ts';
import { keysIn } from './key-files.ts';

/** The ledger's private keys, of the folder that is named or of the state folder; null: none are there. */
export async function keysForRestore(
  { stateFolder, workingFolder }: Session,
  keysFrom: string | undefined,
): Promise<LogKeyFiles | null> {
  const folder =
    keysFrom === undefined ? join(stateFolder, 'keys') : resolve(workingFolder, keysFrom);
  const keys = await keysIn(folder);
  if (keys !== null) return keys;
  if (keysFrom === undefined) return null;
  throw new CliError(`there is no key of a ledger in ${folder}`, {
    code: 'unreadable',
    remedy: 'name the folder that tidegate backup --keys-to wrote',
  });
}

/** Of the backup itself unless another one is given; how many witnesses are enough is no question here. */
export async function policyForRestore(
  session: Session,
  given: string | undefined,
  inBackup: string,
): Promise<TrustPolicy> {
  const path = given === undefined ? null : resolve(session.workingFolder, given);
  try {
    const text = path === null ? inBackup : await readFile(path, 'latin1');
    const policy = parsePolicy(text);
    return path === null ? { ...policy, quorum: { kind: 'none' } } : policy;
  } catch (cause) {
    const isOurs = cause instanceof EvidenceError || (cause instanceof Error && 'syscall' in cause);
    if (!isOurs) throw cause;
    const from = path ?? `the policy in ${MANIFEST_FILE}`;
    throw new CliError(`cannot use ${from}: ${cause.message}`, {
      code: 'unreadable',
      remedy: path === null ? DAMAGED_REMEDY : 'give a policy as tidegate ledger keys prints it',
      cause,
    });
  }
}
