import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { HttpProblem } from '../http/http-problem.ts';
import { personOf } from './caller.ts';

/** A console that is watched, or a scraper, needs a few a second. */
export const requestsPerMinuteMax = 1_200;

/** As many persons at once are told apart; the one that was heard least lately is forgotten first. */
const personsMax = 5_000;
const off = {
  'x-ratelimit-limit': false,
  'x-ratelimit-remaining': false,
  'x-ratelimit-reset': false,
};

/**
 * Bounds what one person, with however many tokens, asks of the thread that also decides for users: beyond it 429 with Retry-After.
 * The owner is not bounded, who could stop the server as well; strangers are turned away before, for the price of a digest. Added
 * after the access hooks, which say who asks, and before the routes.
 */
export async function addRequestLimit(
  http: FastifyInstance,
  perMinuteMax: number = requestsPerMinuteMax,
): Promise<void> {
  await http.register(rateLimit, {
    max: perMinuteMax,
    timeWindow: 60_000,
    cache: personsMax,
    keyGenerator: ({ caller }) => personOf(caller) ?? '',
    allowList: ({ caller }) => caller.kind !== 'person',
    addHeaders: { ...off, 'retry-after': true },
    addHeadersOnExceeding: off,
    errorResponseBuilder: ({ caller }, { max, ttl }) => {
      const seconds = Math.ceil(ttl / 1000);
      const whose = personOf(caller) ?? 'nobody';
      const detail = `${whose} has asked ${max} times in a minute; try again in ${seconds} s`;
      return new HttpProblem(429, detail);
    },
  });
}
