/** What this process or machine lacks, which is no fault of who is looked at (errno(3)). */
export function isWantHere(code: string): boolean {
  return ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ENOBUFS', 'EADDRNOTAVAIL'].includes(code);
}

/** Of an error that the kernel gave; false: of any other. */
export function isForWantHere(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && isWantHere(String(cause.code));
}
