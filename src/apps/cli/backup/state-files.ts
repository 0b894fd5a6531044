import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { NEWEST_CHECKPOINT_FILE } from '../../../adapters/system/newest-checkpoint.ts';
import { logPolicyLines } from '../../../control/ledger/checkpointer.ts';
import type { NoteSigner } from '../../../ports/identity.ts';

/** Files of a state folder that hold what a server was told to remember. */
const settingsNames: readonly string[] = [
  'authorization.json',
  'blobs.json',
  'witnesses.json',
  'environment',
];

/** Where a restore under way keeps what it has; one that was killed leaves it there, and the next one clears it. */
export const restoringName = 'restoring';

/** What a state folder may have in it for a restore. */
export const keptAtRestore: readonly string[] = ['keys', NEWEST_CHECKPOINT_FILE];

/** The ledger's own keys, and the witnesses it is configured with. */
export async function policyText(
  stateFolder: string,
  origin: string,
  signers: readonly NoteSigner[],
): Promise<string> {
  const settings = (await readSettings(stateFolder))['witnesses.json'];
  const parsed = (settings === undefined ? {} : JSON.parse(settings)) as Record<string, unknown>;
  const isAsked = typeof parsed['policy'] === 'string' && parsed['mode'] !== 'off';
  const text = isAsked ? String(parsed['policy']) : '';
  const witnessLines = text.split('\n').filter((line) => /^\s*(witness|group|quorum)\s/.test(line));
  const lines = [
    ...logPolicyLines(origin, signers),
    ...(witnessLines.length === 0 ? ['quorum none'] : witnessLines),
  ];
  return `${lines.join('\n')}\n`;
}

/** Texts by the names of their files. */
export async function readSettings(stateFolder: string): Promise<Record<string, string>> {
  const settings: Record<string, string> = {};
  for (const name of settingsNames) {
    const path = join(stateFolder, name);
    if (existsSync(path)) settings[name] = await readFile(path, 'utf8');
  }
  return settings;
}
