import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { HttpEventSink } from '../../../adapters/cloud-events/http-event-sink.ts';
import {
  parseSinkAddress,
  requirePlainSinkUrl,
  type SinkAddress,
  SinkAddressError,
} from '../../../adapters/cloud-events/sink-address.ts';
import { replaceFile } from '../../../adapters/system/durable-file.ts';
import { isErrno } from '../../../adapters/system/errno.ts';
import { readPrivateText } from '../../../adapters/system/private-text.ts';
import type { CdEventsStatus } from '../../../api/cd-events-wire.ts';
import {
  CdEventSender,
  type CdEventSenderParts,
} from '../../../control/cd-events/cd-event-sender.ts';
import { timeText } from '../views/time-text.ts';

/** What was said at this start; null: nothing, so that what was said last holds. */
export interface CdEventWish {
  /** `off`, or a URL without a credential. */
  readonly sink: string | null;
  /** Absolute path of a file that only its owner can read, with the URL and perhaps a line `Authorization: VALUE`. */
  readonly sinkFile: string | null;
  readonly environment: string | null;
}

/** What a state folder remembers; never a credential. Not part of a backup: a restored copy must not speak to the world by itself. */
interface Remembered {
  readonly url: string | null;
  readonly urlFile: string | null;
  readonly environment: string;
}

const settingsFileName = 'cdevents.json';
const requestTimeoutMs = 30_000;
const noSink: Remembered = { url: null, urlFile: null, environment: 'local' };

/** The sink of CDEvents as the server composes it. */
export class CdEventDesk {
  readonly #sender: CdEventSender | null;
  /** Why there is no sender although there should be one. */
  readonly #problem: string | null;

  private constructor(sender: CdEventSender | null, problem: string | null) {
    this.#sender = sender;
    this.#problem = problem;
  }

  /** Throws a SinkAddressError for what is said now. What was said earlier and is no good any more is told, and keeps nothing from starting. */
  static async open(
    parts: CdEventDeskParts,
    stateFolder: string,
    wish: CdEventWish,
  ): Promise<CdEventDesk> {
    const path = join(stateFolder, settingsFileName);
    const isSaid = wish.sink !== null || wish.sinkFile !== null || wish.environment !== null;
    try {
      const settings = settingsOf(await remembered(path), wish);
      const address = await addressOf(settings);
      if (isSaid) await replaceFile(path, Buffer.from(`${JSON.stringify(settings)}\n`));
      return new CdEventDesk(address === null ? null : senderOf(parts, settings, address), null);
    } catch (error) {
      if (isSaid || !(error instanceof SinkAddressError)) throw error;
      const problem = `no CDEvents are sent: ${error.message}`;
      parts.log('error', problem);
      return new CdEventDesk(null, problem);
    }
  }

  /** Null: there is no sink. */
  get status(): CdEventsStatus | null {
    if (this.#sender !== null) return this.#sender.status;
    if (this.#problem === null) return null;
    const nothing = { nextIndex: 0, behindEntries: 0, taken: 0, unwanted: 0, failedTries: 0 };
    return { sink: null, ...nothing, problem: this.#problem };
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#sender?.run(signal);
  }
}

export type CdEventDeskParts = Pick<CdEventSenderParts, 'ledger' | 'size' | 'clock' | 'log'>;

function senderOf(
  parts: CdEventDeskParts,
  { environment }: Remembered,
  address: SinkAddress,
): CdEventSender {
  if (address.isInClear) {
    parts.log(
      'error',
      `the credential for ${address.shown} goes over the network unencrypted: use https`,
    );
  }
  const sink = new HttpEventSink(address, { timeoutMs: requestTimeoutMs });
  const { random } = Math;
  return new CdEventSender({ ...parts, sink, sinkId: address.id, environment, timeText, random });
}

function settingsOf(before: Remembered, { sink, sinkFile, environment }: CdEventWish): Remembered {
  if (sink !== null && sinkFile !== null) {
    throw new SinkAddressError(
      '--cdevents-sink and --cdevents-sink-file name one thing twice: give one of them',
    );
  }
  const where = environment ?? before.environment;
  if (!/^[\x21-\x7e]{1,200}$/.test(where)) {
    throw new SinkAddressError(
      '--cdevents-environment must be a name of 1 to 200 characters without spaces, as production',
    );
  }
  if (sink === 'off') return { url: null, urlFile: null, environment: where };
  if (sink !== null) {
    requirePlainSinkUrl(sink);
    return { url: sink, urlFile: null, environment: where };
  }
  if (sinkFile !== null) return { url: null, urlFile: sinkFile, environment: where };
  return { ...before, environment: where };
}

async function addressOf({ url, urlFile }: Remembered): Promise<SinkAddress | null> {
  if (url !== null) return parseSinkAddress(url);
  if (urlFile === null) return null;
  const read = await readPrivateText(urlFile);
  if (read.kind === 'refused') throw new SinkAddressError(read.why);
  return parseSinkAddress(read.text);
}

async function remembered(path: string): Promise<Remembered> {
  try {
    const { url, urlFile, environment } = JSON.parse(
      await readFile(path, 'utf8'),
    ) as Partial<Remembered>;
    const isText = (value: unknown): boolean => value === null || typeof value === 'string';
    if (isText(url) && isText(urlFile) && typeof environment === 'string') {
      return { url, urlFile, environment } as Remembered;
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return noSink;
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new SinkAddressError(`cannot read ${path}: remove it and give --cdevents-sink again`);
}
