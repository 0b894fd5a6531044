import { type EvidenceReport, evidenceLines } from '../../../domain/evidence/evidence-check.ts';
import { harmless, type Look, paint } from '../look.ts';
import { countText } from './words.ts';

/** What a verification found, as far as people read it. */
export interface Verified {
  readonly entries: number;
  readonly valid: boolean;
  readonly firstProblem: { readonly index: number; readonly what: string } | null;
  readonly keyIds: readonly string[];
  readonly headLeafHash: string | null;
  readonly proves: string;
  readonly evidence?: EvidenceReport;
}

export function verificationLines(report: Verified, look: Look): string[] {
  const sign = report.valid
    ? paint(look, 'green', look.isUnicode ? '✔ verified' : 'verified')
    : paint(look, 'red', look.isUnicode ? '✖ not verified' : 'NOT verified');
  const { firstProblem } = report;
  return [
    `${sign}: ${countText(report.entries)} entries`,
    ...(firstProblem === null
      ? []
      : [`  entry ${firstProblem.index}: ${harmless(firstProblem.what)}`]),
    `  head: ${report.headLeafHash ?? 'none'}`,
    `  keys: ${report.keyIds.map(harmless).join(', ') || 'none'}`,
    `  ${harmless(report.proves)}`,
    ...(report.evidence === undefined || !report.valid
      ? []
      : evidenceLines(report.evidence).map((line) => `  ${harmless(line)}`)),
  ];
}
