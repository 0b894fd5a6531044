import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { rememberCheckpoint } from '../../../adapters/system/newest-checkpoint.ts';
import { HttpWitness } from '../../../adapters/witness/http-witness.ts';
import { Checkpointer } from '../../../control/ledger/checkpointer.ts';
import {
  type HeldAlert,
  PromotionAnchor,
  type WitnessMode,
} from '../../../control/ledger/promotion-anchor.ts';
import { Witnessing } from '../../../control/ledger/witnessing.ts';
import { EvidenceError } from '../../../domain/evidence/canonical-json.ts';
import {
  parsePolicy,
  quorumText,
  type TrustPolicy,
} from '../../../domain/evidence/trust-policy.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { NoteSigner } from '../../../ports/identity.ts';
import type { LedgerStore } from '../../../ports/ledger-store.ts';
import type { LedgerTree } from '../../../ports/ledger-tree.ts';

/** Whom the server asks to cosign checkpoints, and what waits for them. */
export interface WitnessSettings {
  readonly mode: WitnessMode;
  /** A c2sp.org/tlog-policy text with a URL for each witness; empty: there are none. */
  readonly policy: string;
}

export const witnessModes: readonly WitnessMode[] = ['require', 'warn', 'off'];

/** Between two checkpoints in the background, while entries come. */
const checkpointIntervalMs = 10_000;
const witnessTimeoutMs = 5_000;
const settingsFileName = 'witnesses.json';

/** Checkpoints, witnesses, and the promotions that wait for them, as the server composes them. */
export class EvidenceDesk {
  readonly checkpointer: Checkpointer;
  readonly anchor: PromotionAnchor;
  readonly mode: WitnessMode;
  /** As people read it: who has to cosign, and whether a promotion waits for it. */
  readonly witnesses: { readonly mode: WitnessMode; readonly quorum: string };
  #problem: string | null = null;
  readonly #held = new Map<string, string>();

  private constructor(parts: {
    readonly stateFolder: string;
    readonly store: LedgerStore & LedgerTree;
    readonly clock: Clock;
    readonly signers: () => readonly NoteSigner[];
    readonly settings: WitnessSettings;
    readonly policy: TrustPolicy;
    readonly log: (level: 'info' | 'error', message: string) => void;
    readonly onAlert: (service: string, alert: HeldAlert) => void;
  }) {
    const { stateFolder, store, clock, signers, settings, policy, log } = parts;
    this.mode = settings.mode;
    const isAsked = settings.mode !== 'off';
    const quorum = isAsked ? policy.quorum : ({ kind: 'none' } as const);
    this.witnesses = { mode: settings.mode, quorum: quorumText(quorum) };
    this.checkpointer = new Checkpointer({
      store,
      tree: store,
      signers,
      clock,
      quorum,
      witnesses: (isAsked ? policy.witnesses : []).map((each) => {
        const witness = new HttpWitness(each.url ?? '', { timeoutMs: witnessTimeoutMs });
        return new Witnessing(each, witness, store);
      }),
      onProblem: (problem) => {
        if (problem !== null && problem !== this.#problem) log('error', problem);
        this.#problem = problem;
      },
      remember: (note) =>
        rememberCheckpoint(stateFolder, note).catch((error: unknown) => {
          log('error', `cannot write the newest checkpoint beside the ledger: ${String(error)}`);
        }),
    });
    this.anchor = new PromotionAnchor({
      checkpointer: this.checkpointer,
      mode: settings.mode,
      clock,
      onHeld: (service, why) => {
        if (why !== null && this.#held.get(service) !== why) log('error', why);
        if (why === null) this.#held.delete(service);
        else this.#held.set(service, why);
      },
      onAlert: parts.onAlert,
    });
  }

  static async open(parts: {
    readonly stateFolder: string;
    readonly store: LedgerStore & LedgerTree;
    readonly clock: Clock;
    readonly signers: () => readonly NoteSigner[];
    /** Null: those of the last start. */
    readonly settings: WitnessSettings | null;
    readonly log: (level: 'info' | 'error', message: string) => void;
    readonly onAlert: (service: string, alert: HeldAlert) => void;
  }): Promise<EvidenceDesk> {
    const { stateFolder, store, clock, signers, log, onAlert } = parts;
    const settings = parts.settings ?? (await readSettings(stateFolder));
    const policy = readWitnessPolicy(settings);
    if (parts.settings !== null) await keepSettings(stateFolder, settings);
    return new EvidenceDesk({ stateFolder, store, clock, signers, settings, policy, log, onAlert });
  }

  /** What people should know: a promotion that waits, else a checkpoint that witnesses have not cosigned. */
  get problem(): string | null {
    return [...this.#held.values()][0] ?? this.#problem;
  }

  /** Why the promotion of this service waits; null: it does not. */
  heldBy(service: string): string | null {
    return this.#held.get(service) ?? null;
  }

  run(signal: AbortSignal): Promise<void> {
    return this.checkpointer.run(checkpointIntervalMs, signal);
  }
}

/** Throws an Error that says what is wrong with the settings and what to do. */
export function readWitnessPolicy({ mode, policy }: WitnessSettings): TrustPolicy {
  if (policy === '') {
    if (mode === 'off') {
      return { logs: [], witnesses: [], quorum: { kind: 'none' }, requiresBlobs: false };
    }
    throw new Error(`--witness-mode ${mode} needs to know the witnesses: give --witnesses FILE`);
  }
  try {
    const read = parsePolicy(policy);
    const noUrl = read.witnesses.find(({ url }) => url === null || !/^https?:\/\//.test(url));
    if (noUrl !== undefined) {
      throw new EvidenceError(`the witness ${noUrl.name} has no http(s) URL to be asked at`);
    }
    if (mode === 'require' && read.quorum.kind === 'none') {
      throw new EvidenceError('its quorum is none: nothing would be required');
    }
    return read;
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    throw new Error(`cannot use the witnesses' policy: ${error.message}`, { cause: error });
  }
}

async function readSettings(stateFolder: string): Promise<WitnessSettings> {
  const path = join(stateFolder, settingsFileName);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return { mode: 'off', policy: '' };
  const { mode, policy } = JSON.parse(text) as Partial<WitnessSettings>;
  // A file that can't be read must not turn a requirement off.
  if (mode === undefined || !witnessModes.includes(mode) || typeof policy !== 'string') {
    throw new Error(`cannot read ${path}: give --witnesses and --witness-mode again`);
  }
  return { mode, policy };
}

async function keepSettings(stateFolder: string, settings: WitnessSettings): Promise<void> {
  const path = join(stateFolder, settingsFileName);
  await writeFile(`${path}.tmp`, `${JSON.stringify(settings)}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.tmp`, path);
}
