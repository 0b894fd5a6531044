import type { RequestHeaders } from '../../../domain/traffic/routing/request-match.ts';
import type { RequestHead } from '../http1/head.ts';
import type { RoutedRequest } from '../live-routes.ts';
import type { AwaitedPlace } from '../waking/waiting-requests.ts';

/**
 * A parsed head as routes ask it: by header name, making strings of those alone that are asked for. Most routes ask for
 * none or two, and a head has ten or twenty.
 */
export class RoutedHead implements RoutedRequest {
  readonly headers: RequestHeaders;
  /** What is read here; set for each request. */
  head: RequestHead;
  /** Whose request it is; set for each. */
  socket: RoutedRequest['socket'] = {};
  /** Set for each as well. */
  awaited: AwaitedPlace | null = null;
  readonly #names = new Map<string, Buffer>();

  constructor(head: RequestHead) {
    this.head = head;
    this.headers = new Proxy<Record<string, string | undefined>>(
      {},
      { get: (_, name) => (typeof name === 'string' ? this.#value(name) : undefined) },
    );
  }

  get method(): string {
    return this.head.methodText();
  }

  /** Repeated ones joined with ', ' (RFC 9110 section 5.3), cookies with '; ' (RFC 6265 section 5.4). `name` is in lower case. */
  #value(name: string): string | undefined {
    const octets = this.#octets(name);
    let index = this.head.find(octets);
    if (index < 0) return undefined;
    let value = this.head.value(index);
    for (;;) {
      index = this.head.find(octets, index + 1);
      if (index < 0) return value;
      value += `${name === 'cookie' ? '; ' : ', '}${this.head.value(index)}`;
    }
  }

  #octets(name: string): Buffer {
    let octets = this.#names.get(name);
    if (octets === undefined) {
      // Names come from route tables, so they are few; tables that change for ever do not fill the memory.
      if (this.#names.size === namesMax) this.#names.clear();
      octets = Buffer.from(name, 'latin1');
      this.#names.set(name, octets);
    }
    return octets;
  }
}

const namesMax = 1000;
