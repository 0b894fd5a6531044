import { z } from 'zod';

import { exportLines, isTrailerLine } from '../../../domain/evidence/export-format.ts';
import { readLeaf } from '../../../domain/evidence/leaf.ts';

const armSchema = z.object({ requests: z.number(), failures: z.number() });

const explanationSchema = z.object({
  candidate: armSchema,
  stable: armSchema,
  against: z.number(),
  againstLimit: z.number(),
  for: z.number(),
  forLimit: z.number(),
  heldBy: z.string().nullable(),
  sentence: z.string(),
});

/** The part of a release record that a report reads. Entries about keys are of another make and have no service. */
const recordSchema = z.object({
  decision: z.string(),
  atMs: z.number(),
  service: z.string(),
  rolloutId: z.string().nullable(),
  fromRevisionId: z.string().nullable(),
  toRevisionId: z.string().nullable(),
  weightPercent: z.number().nullable(),
  by: z.object({ who: z.string() }).nullable(),
  sentence: z.string(),
  verdict: z.object({ kind: z.string(), explanation: explanationSchema }).nullable(),
});

export interface LedgerRecord extends z.infer<typeof recordSchema> {
  readonly index: number;
  readonly type: string;
}

/** The records in an exported ledger. Reads only; whether the file is genuine is the verification's word. */
export async function readLedgerRecords(
  chunks: AsyncIterable<Uint8Array>,
): Promise<LedgerRecord[]> {
  const records: LedgerRecord[] = [];
  let index = -1;
  for await (const line of exportLines(chunks)) {
    // The header stands before entry 0.
    index += 1;
    if (index === 0 || isTrailerLine(line)) continue;
    const { statement } = readLeaf(Buffer.from(line, 'latin1'));
    const parsed = recordSchema.safeParse(statement.data);
    if (parsed.success) records.push({ ...parsed.data, index: index - 1, type: statement.type });
  }
  return records;
}
