import { medianOf } from '../form.ts';
import type { World } from '../world.ts';

const rounds = 9;

/** What the table of rollouts asks for, by what it is. */
const questions: Readonly<Record<string, string>> = {
  'first page, 100 rows': '/v1/rollouts?limit=100',
  'first page, 500 rows': '/v1/rollouts?limit=500',
  'filtered by name': '/v1/rollouts?limit=100&name=cart-99',
  'filtered by phase': '/v1/rollouts?limit=100&phase=RolledBack',
  'sorted by service': '/v1/rollouts?limit=100&sort=service',
};

export interface ListAnswer {
  readonly question: string;
  readonly medianMs: number;
  readonly bytes: number;
}

/** How long the server takes for pages of the list, the deepest one included. */
export async function measureAnswers(world: World): Promise<readonly ListAnswer[]> {
  const deepest = await deepestPage(world);
  const all = { ...questions, 'the last page': deepest };
  const answers: ListAnswer[] = [];
  for (const [question, path] of Object.entries(all)) {
    const times: number[] = [];
    let bytes = 0;
    for (let round = 0; round < rounds; round += 1) {
      const startedMs = performance.now();
      bytes = (await ask(world, path)).length;
      times.push(performance.now() - startedMs);
    }
    answers.push({ question, medianMs: medianOf(times) ?? 0, bytes });
  }
  return answers;
}

const pagesMax = 1_000;

async function deepestPage(world: World): Promise<string> {
  let path = '/v1/rollouts?limit=500';
  for (let page = 0; page < pagesMax; page += 1) {
    const { metadata } = JSON.parse(await ask(world, path)) as {
      readonly metadata: { readonly continue: string | null };
    };
    if (metadata.continue === null) return path;
    path = `/v1/rollouts?limit=500&continue=${metadata.continue}`;
  }
  throw new Error('the list has no end');
}

async function ask(world: World, path: string): Promise<string> {
  const headers = { authorization: `Bearer ${await world.token()}` };
  const answer = await fetch(new URL(path, world.apiUrl), { headers });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${text}`);
  return text;
}
