import type { StandbyReport } from '../../domain/release/strategies/strategy.ts';
import type { RouteTable } from '../../domain/traffic/routing/route-table.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StandbyChecker } from '../../ports/standby-checker.ts';

/** Asks who has the preview address in the table in force, and answers as the script says of that revision. */
export class MemoryStandbyChecker implements StandbyChecker {
  readonly #clock: Clock;
  readonly #table: () => RouteTable | null;
  readonly #answer: (revisionId: string) => 'passes' | 'fails' | 'not-made';
  readonly #takesMs: number;

  constructor(parts: {
    readonly clock: Clock;
    readonly table: () => RouteTable | null;
    readonly answer: (revisionId: string) => 'passes' | 'fails' | 'not-made';
    readonly takesMs: number;
  }) {
    this.#clock = parts.clock;
    this.#table = parts.table;
    this.#answer = parts.answer;
    this.#takesMs = parts.takesMs;
  }

  async check(
    { host, plan }: Parameters<StandbyChecker['check']>[0],
    signal: AbortSignal,
  ): Promise<StandbyReport> {
    await this.#clock.sleep(this.#takesMs, signal);
    const route = this.#table()?.routes.find((each) => each.host === host);
    const revisionId = route?.previewRevisionId;
    const answer = revisionId === undefined ? 'fails' : this.#answer(revisionId);
    if (answer === 'not-made') return { kind: 'not-made', message: 'scripted' };
    const status = answer === 'passes' ? null : 500;
    const { load } = plan;
    return {
      kind: 'seen',
      warmUpAnswers: plan.warmUp?.requests ?? 0,
      checks: plan.checks.map((check) => {
        const seen = { status: status ?? check.status, isTextThere: true, error: null, tookMs: 1 };
        return { name: check.name, ...seen };
      }),
      load:
        load === null
          ? null
          : {
              requests: Math.ceil((load.requestsPerSecond * load.durationMs) / 1000),
              failures: 0,
              p95Ms: 1,
              invalidBecause: [],
            },
    };
  }
}
