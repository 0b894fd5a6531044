import { z } from 'zod';
import { mapping, text, textMap } from './fields.ts';
import type { TextRule } from './fields.ts';
import { environmentNameRule } from './names.ts';

const fileCountMax = 64;
const secretCountMax = 256;

/** `run.envFiles` and `run.configFiles`: paths, relative to the folder of the release file. */
export function filesSchema() {
  return z.array(text(filePathRule)).min(1).max(fileCountMax);
}

const filePathRule: TextRule = (path) => {
  if (path === '') return { reason: 'must not be empty', hint: null };
  return path.length > 4096 ? { reason: 'must have at most 4096 characters', hint: null } : null;
};

/** `run.secrets`: where the value of a variable is; the value never stands in a release file. */
export function secretsSchema() {
  const source = mapping({
    file: text(filePathRule).optional(),
    env: text(environmentNameRule).optional(),
  }).superRefine(({ file, env }, context) => {
    if ((file === undefined) !== (env === undefined)) return;
    const found = file === undefined ? 'neither' : 'both';
    context.addIssue({ code: 'custom', message: `must have one of file, env; it has ${found}` });
  });
  const names = textMap(environmentNameRule, () => null).keyType;
  return z.record(names, source).superRefine((secrets, context) => {
    if (Object.keys(secrets).length <= secretCountMax) return;
    context.addIssue({ code: 'custom', message: `has more than ${secretCountMax} secrets` });
  });
}
