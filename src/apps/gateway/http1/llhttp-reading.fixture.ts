import { llhttpOk, llhttpPausedUpgrade, llhttpType, loadLlhttp } from './llhttp.ts';
import type { Message } from './reading.fixture.ts';

export interface TheirReading {
  readonly messages: readonly Message[];
  readonly isRefused: boolean;
}

const roomBytes = 256 * 1024;

/** Whole connections as llhttp reads them: not only heads, as `SecondOpinion` does, but bodies and what follows. */
export class LlhttpReader {
  readonly #llhttp;
  readonly #parser: number;
  readonly #data: number;
  readonly #room: Buffer;
  #messages: Message[] = [];
  #name = '';
  #headers: string[] = [];
  #start = '';

  constructor(type: 'request' | 'response') {
    const isRequest = type === 'request';
    this.#llhttp = loadLlhttp({
      wasm_on_message_begin: () => {
        this.#headers = [];
        this.#start = '';
        return 0;
      },
      wasm_on_url: (_, at, bytes) => {
        this.#start = this.#text(at, bytes);
        return 0;
      },
      wasm_on_status: () => 0,
      wasm_on_header_field: (_, at, bytes) => {
        this.#name = this.#text(at, bytes);
        return 0;
      },
      wasm_on_header_value: (_, at, bytes) => {
        this.#headers.push(`${this.#name}: ${this.#text(at, bytes).replace(/[ \t]+$/, '')}`);
        return 0;
      },
      wasm_on_headers_complete: (_, status) => {
        const start = isRequest ? `${this.#method()} ${this.#start}` : String(status);
        // Trailers come later and go into a list of their own.
        this.#messages.push({ start, headers: this.#headers, body: '', isWhole: false });
        this.#headers = [];
        return 0;
      },
      wasm_on_body: (_, at, bytes) => {
        const message = this.#messages.at(-1);
        if (message !== undefined) message.body += this.#text(at, bytes);
        return 0;
      },
      wasm_on_message_complete: () => {
        const message = this.#messages.at(-1);
        if (message !== undefined) message.isWhole = true;
        return 0;
      },
    });
    this.#parser = this.#llhttp.llhttp_alloc(isRequest ? llhttpType.request : llhttpType.response);
    this.#data = this.#llhttp.malloc(roomBytes);
    this.#room = Buffer.from(this.#llhttp.memory.buffer, this.#data, roomBytes);
  }

  read(octets: Buffer): TheirReading {
    const llhttp = this.#llhttp;
    this.#messages = [];
    octets.copy(this.#room);
    llhttp.llhttp_reset(this.#parser);
    let at = 0;
    let result = llhttpOk as number;
    // A request for another protocol stops it; we go on in HTTP/1.1, as a server that ignores Upgrade does.
    while (at < octets.length) {
      result = llhttp.llhttp_execute(this.#parser, this.#data + at, octets.length - at);
      if (result !== llhttpPausedUpgrade) break;
      at = llhttp.llhttp_get_error_pos(this.#parser) - this.#data;
      llhttp.llhttp_resume_after_upgrade(this.#parser);
      result = llhttpOk;
    }
    if (result === llhttpOk) llhttp.llhttp_finish(this.#parser);
    return { messages: this.#messages, isRefused: result !== llhttpOk };
  }

  #text(at: number, bytes: number): string {
    return this.#room.toString('latin1', at - this.#data, at - this.#data + bytes);
  }

  #method(): string {
    const llhttp = this.#llhttp;
    const name = llhttp.llhttp_method_name(llhttp.llhttp_get_method(this.#parser));
    const memory = Buffer.from(llhttp.memory.buffer);
    return memory.toString('latin1', name, memory.indexOf(0, name));
  }
}
