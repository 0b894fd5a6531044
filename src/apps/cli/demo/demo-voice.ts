import type { Rollout } from '../../../api/client/generated/schemas.ts';
import type { LoadInterval } from '../../../domain/load/load-result.ts';
import { Painter } from '../repaint.ts';
import { print, type Session } from '../session.ts';
import type { Act } from './acts.ts';
import { type LoadGlance, pictureLines, rolloutKey, rolloutLine, stamp } from './demo-picture.ts';
import type { Watcher } from './play-act.ts';

const repaintMs = 100;
/** The rate is shown over so many of the load's intervals. */
const rateIntervals = 20;
const newsMax = 50;

/** Shows the demo as it goes: a picture repainted in place, or a line for each change. */
export class DemoVoice implements Watcher, Disposable {
  readonly #session: Session;
  readonly #painter: Painter | null;
  readonly #timer: NodeJS.Timeout | null;
  readonly #startedMs = performance.now();
  readonly #rollouts = new Map<string, Rollout>();
  readonly #keys = new Map<string, string>();
  readonly #recent: LoadInterval[] = [];
  readonly #news: string[] = [];
  #load: LoadGlance | null = null;
  gatewayUrl: string | null = null;
  targetRps: number;

  constructor(session: Session, targetRps: number) {
    const { look, stdout } = session;
    this.#session = session;
    this.targetRps = targetRps;
    this.#painter = look.isInteractive ? new Painter(stdout, look) : null;
    this.#timer = look.isInteractive ? setInterval(() => this.#paint(), repaintMs) : null;
  }

  sees(act: Act, rollout: Rollout): void {
    this.#rollouts.set(act.to, rollout);
    const key = rolloutKey(rollout);
    if (this.#keys.get(act.to) === key) return;
    this.#keys.set(act.to, key);
    if (this.#painter === null) this.#line(rolloutLine(act, rollout, this.#session.look));
  }

  hears(sentence: string): void {
    this.#news.push(sentence);
    if (this.#news.length > newsMax) this.#news.shift();
    if (this.#painter === null) this.#line(sentence);
  }

  readonly measures = (interval: LoadInterval): void => {
    this.#recent.push(interval);
    if (this.#recent.length > rateIntervals) this.#recent.shift();
    const durationMs = this.#recent.reduce((sum, each) => sum + each.durationMs, 0);
    const ended = this.#recent.reduce((sum, each) => sum + each.requests, 0);
    this.#load = {
      requests: (this.#load?.requests ?? 0) + interval.requests,
      errors: (this.#load?.errors ?? 0) + interval.errors,
      rps: durationMs === 0 ? 0 : (ended * 1000) / durationMs,
      p99Ms: Math.max(...this.#recent.map((each) => each.p99Ms)),
    };
  };

  /** What was painted last stays. */
  [Symbol.dispose](): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#paint();
  }

  #line(text: string): void {
    print(this.#session, [`${stamp(performance.now() - this.#startedMs)} ${text}`]);
  }

  #paint(): void {
    const { look } = this.#session;
    const lines = pictureLines(
      {
        elapsedMs: performance.now() - this.#startedMs,
        targetRps: this.targetRps,
        gatewayUrl: this.gatewayUrl,
        load: this.#load,
        rollouts: this.#rollouts,
        news: this.#news,
      },
      look,
    );
    this.#painter?.show(lines);
  }
}
