import assert from 'node:assert/strict';

import { sessionSchema, type SessionView } from '../../src/api/session-wire.ts';

/** As much of a browser as signing in needs: cookies of one server, and where a request comes from. */
export class Browser {
  readonly #url: string;
  readonly #cookies = new Map<string, string>();
  /** Of the last sign-in. */
  csrfToken: string | null = null;

  constructor(url: string) {
    this.#url = url;
  }

  get cookieHeader(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** What would sign somebody in who had it. */
  get secrets(): readonly string[] {
    return [...this.#cookies.values()];
  }

  /** As another browser, which was given nothing. */
  forget(): void {
    this.#cookies.clear();
  }

  /** Never follows a redirect; headers given here win, '' leaves one out. */
  async ask(
    method: string,
    path: string,
    body?: object,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const headers = new Headers({
      ...(this.#cookies.size === 0 ? {} : { cookie: this.cookieHeader }),
      ...(method === 'GET' ? {} : { origin: this.#url }),
      ...(method === 'GET' || this.csrfToken === null ? {} : { 'x-csrf-token': this.csrfToken }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...more,
    });
    for (const [name, value] of Object.entries(more)) if (value === '') headers.delete(name);
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const url = new URL(path, this.#url);
    const answer = await fetch(url, { method, headers, redirect: 'manual', ...sent });
    this.#keep(answer);
    return answer;
  }

  /** Signs in, which has to be taken. */
  async signIn(by: { readonly code: string } | { readonly token: string }): Promise<SessionView> {
    const answer = await this.ask('POST', '/v1/session', by);
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    const view = sessionSchema.parse(JSON.parse(text));
    this.csrfToken = view.csrfToken;
    return view;
  }

  /** Who the server says is signed in. */
  async session(query = ''): Promise<SessionView> {
    const answer = await this.ask('GET', `/v1/session${query}`);
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    const view = sessionSchema.parse(JSON.parse(text));
    this.csrfToken = view.csrfToken;
    return view;
  }

  #keep(answer: Response): void {
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}
