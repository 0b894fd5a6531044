/** Says hello in the old words or the new ones, as a flag says. Asks by OFREP, with nothing but fetch. */
import { createServer } from 'node:http';

const { OFREP_ENDPOINT, OFREP_HEADERS = '', VERSION = '', PORT } = process.env;
const headers = Object.fromEntries(OFREP_HEADERS.split(',').map((header) => header.split('=')));

/** False, the careful one, when nobody answers. */
async function isNew(targetingKey) {
  try {
    const answer = await fetch(`${OFREP_ENDPOINT}/ofrep/v1/evaluate/flags/new-words`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ context: { targetingKey } }),
      signal: AbortSignal.timeout(1000),
    });
    const { value } = await answer.json();
    return value === true;
  } catch {
    return false;
  }
}

async function greet(request, response) {
  if (request.url === '/readyz') {
    response.end('ok');
    return;
  }
  const words = (await isNew(request.headers['x-user'])) ? 'Good to see you' : 'Hello';
  response.setHeader('content-type', 'application/json');
  response.end(`${JSON.stringify({ version: VERSION, words })}\n`);
}

createServer((request, response) => void greet(request, response)).listen(
  Number(PORT),
  '127.0.0.1',
);
