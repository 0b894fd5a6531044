import { type ExitCode, exitCodes } from './exit-codes.ts';

export type CliErrorCode =
  | 'no-server'
  | 'server-away'
  | 'refused'
  | 'usage'
  | 'timeout'
  | 'unreadable'
  | 'unexpected-answer'
  | 'start-failed';

export interface CliErrorDetails {
  readonly code: CliErrorCode;
  /** What the reader can do now; null: nothing but to read the message. */
  readonly remedy?: string;
  /** Printed as they are after the message, such as problems of a release file. */
  readonly lines?: readonly string[];
  readonly cause?: unknown;
}

/** A failure a person reads: what could not be done, because of what, and the remedy. */
export class CliError extends Error {
  readonly code: CliErrorCode;
  /** Whether the same call may succeed a moment later. */
  readonly retryable: boolean;
  readonly remedy: string | null;
  readonly lines: readonly string[];

  constructor(message: string, details: CliErrorDetails) {
    super(message, { cause: details.cause });
    this.name = 'CliError';
    this.code = details.code;
    this.retryable = details.code === 'no-server' || details.code === 'server-away';
    this.remedy = details.remedy ?? null;
    this.lines = details.lines ?? [];
  }

  get exitCode(): ExitCode {
    if (this.code === 'usage') return exitCodes.usage;
    return this.code === 'timeout' ? exitCodes.timeout : exitCodes.error;
  }
}
