import { STATUS_CODES } from 'node:http';
import type { ProblemDetails } from '../../../api/wire.ts';

/** An answer that is not what was asked for, as RFC 9457 problem details. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly details: ProblemDetails;
  /** As fastify reads it of any error. */
  readonly statusCode: number;

  constructor(
    status: number,
    detail: string,
    problems?: ProblemDetails['problems'],
    beside: Pick<ProblemDetails, 'resourceVersion'> = {},
  ) {
    super(detail);
    this.statusCode = status;
    const title = titles[status] ?? STATUS_CODES[status] ?? 'Error';
    this.details = {
      type: 'about:blank',
      title,
      status,
      detail,
      ...(problems === undefined ? {} : { problems }),
      ...beside,
    };
  }
}

/** As RFC 9110 has them where Node still has an older name, and those that are written often. */
const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  422: 'Unprocessable Content',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};
