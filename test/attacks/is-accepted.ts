import { EvidenceError } from '../../src/domain/evidence/canonical-json.ts';

/** Whether `run` takes what it is given: an EvidenceError, and a refusal of the database, is a no. */
export function isAccepted(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof EvidenceError) return false;
    if (error instanceof Error && 'errcode' in error) return false;
    throw error;
  }
}
