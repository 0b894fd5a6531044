import { relative } from 'node:path';

import type { Problem } from '../../../api/client/generated/schemas.ts';
import { harmless, type Look, paint } from '../look.ts';

type FileProblem = NonNullable<Problem['problems']>[number];

export interface ProblemPlace {
  readonly look: Look;
  readonly workingFolder: string;
}

/** Each as `file:line:column: error: what`, the line itself with a mark under the column, and the hint. */
export function problemLines(problems: readonly FileProblem[], place: ProblemPlace): string[] {
  return problems.flatMap((problem, index) => [
    ...(index === 0 ? [] : ['']),
    ...oneProblem(problem, place),
  ]);
}

function oneProblem(problem: FileProblem, place: ProblemPlace): string[] {
  const { look } = place;
  const where = `${shortPath(problem.path, place.workingFolder)}:${problem.line}:${problem.column}`;
  const lines = [
    `${paint(look, 'bold', where)}: ${paint(look, 'red', 'error')}: ${harmless(problem.message)}`,
  ];
  if (problem.sourceLine.trim() !== '') lines.push(...sourceLines(problem, look));
  if (problem.hint !== null)
    lines.push(`  ${paint(look, 'blue', 'help')}: ${harmless(problem.hint)}`);
  return lines;
}

function sourceLines(problem: FileProblem, look: Look): string[] {
  const gutter = String(problem.line);
  const bar = look.isUnicode ? '│' : '|';
  const source = problem.sourceLine.replaceAll('\t', ' ').trimEnd();
  const mark = ' '.repeat(Math.max(0, problem.column - 1)) + paint(look, 'red', '^');
  return [
    `  ${gutter} ${bar} ${harmless(source)}`,
    `  ${' '.repeat(gutter.length)} ${bar} ${mark}`,
  ];
}

function shortPath(path: string, workingFolder: string): string {
  const short = relative(workingFolder, path);
  return short === '' || short.startsWith('..') ? path : short;
}
