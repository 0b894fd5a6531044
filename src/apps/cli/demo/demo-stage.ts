import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

import { isRunning, readProcess } from '../../../adapters/local-process/process-table.ts';
import { applyResultSchema } from '../../../api/wire.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import type { Session } from '../session.ts';
import { markStopped, takeStageFolder, upArguments } from './stage-folder.ts';
import { runTidegate } from './tidegate-command.ts';

const shopFolder = fileURLToPath(new URL('../../../../examples/shop/', import.meta.url));
const appliedSchema = z.object({ results: z.array(applyResultSchema) });
const serverFileSchema = z.object({
  gatewayUrl: z.string(),
  pid: z.number().int().positive(),
  startTicks: z.number(),
});

/** Where the demo plays: a server of its own with the shop on it. Disposing it stops all of that. */
export class DemoStage implements AsyncDisposable {
  readonly stateFolder: string;
  readonly #session: Session;
  /** Start time by pid of everything seen running here. */
  readonly #seen = new Map<number, number>();
  #isStopped = false;

  static async open(session: Session, stateFolder: string): Promise<DemoStage> {
    await takeStageFolder(stateFolder);
    return new DemoStage(session, stateFolder);
  }

  private constructor(session: Session, stateFolder: string) {
    this.stateFolder = stateFolder;
    this.#session = { ...session, stateFolder };
  }

  /** Starts the server, or starts it again; gives the gateway's address. */
  async up(): Promise<string> {
    this.#session.signal.throwIfAborted();
    await runTidegate(this.stateFolder, upArguments);
    const server = await this.#serverFile();
    this.noteProcess(server.pid);
    return server.gatewayUrl;
  }

  /** Of a file of the shop; gives the rollout's id. */
  async apply(file: string, args: readonly string[] = []): Promise<string | null> {
    this.#session.signal.throwIfAborted();
    const path = join(shopFolder, file);
    const text = await runTidegate(this.stateFolder, ['apply', '-f', path, '-o', 'json', ...args]);
    const { results } = appliedSchema.parse(JSON.parse(text));
    return results[0]?.rolloutId ?? null;
  }

  connect(): Promise<Client> {
    return Client.connect(this.#session);
  }

  /** SIGKILL to exactly the process that wrote the server's file; gives its pid. */
  async killServer(): Promise<number> {
    const { pid, startTicks } = await this.#serverFile();
    if (readProcess(pid)?.startTicks !== startTicks) {
      throw new CliError(`the server (pid ${pid}) has ended by itself`, { code: 'no-server' });
    }
    process.kill(pid, 'SIGKILL');
    return pid;
  }

  noteProcess(pid: number): void {
    const found = readProcess(pid);
    if (found !== null) this.#seen.set(pid, found.startTicks);
  }

  /** Stops instances, gateway and server. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await runTidegate(this.stateFolder, ['down']);
    await markStopped(this.stateFolder);
  }

  /** Processes of this stage that still run. */
  survivors(): number[] {
    return [...this.#seen].flatMap(([pid, startTicks]) => {
      const found = readProcess(pid);
      const isSame = found !== null && found.startTicks === startTicks && isRunning(found);
      return isSame ? [pid] : [];
    });
  }

  /** A server that was killed is started once more, since only a server knows what it left behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isStopped || this.#seen.size === 0) return;
    await runTidegate(this.stateFolder, upArguments);
    await this.stop();
  }

  async #serverFile(): Promise<z.infer<typeof serverFileSchema>> {
    const text = await readFile(join(this.stateFolder, 'server.json'), 'utf8');
    return serverFileSchema.parse(JSON.parse(text));
  }
}
