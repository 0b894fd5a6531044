import { z } from 'zod';
import { text } from './fields.ts';
import { anyText } from './names.ts';

/** Arguments of one command, and characters of one of them (Linux takes 128 KiB, execve(2)). */
const argumentCountMax = 1000;
export const argumentLengthMax = 100_000;

/** Program and arguments, started without a shell. */
export function commandSchema() {
  return z
    .array(text(anyText(argumentLengthMax)))
    .min(1)
    .max(argumentCountMax)
    .superRefine(([program], context) => {
      if (program === undefined || program.trim() !== '') return;
      context.addIssue({ code: 'custom', path: [0], message: 'must name the program to start' });
    });
}
