import { chunkRows } from './chunk-corpus.fixture.ts';
import type { Row } from './corpus.fixture.ts';
import { publishedHeadRows } from './published-head-corpus.fixture.ts';
import { publishedFramingRows } from './published-framing-corpus.fixture.ts';
import { requestBodyRows } from './request-body-corpus.fixture.ts';
import { requestHeaderRows } from './request-header-corpus.fixture.ts';
import { requestLineRows } from './request-line-corpus.fixture.ts';
import { requestTargetRows } from './request-target-corpus.fixture.ts';

export const requestRows: readonly Row[] = [
  ...requestLineRows,
  ...requestTargetRows,
  ...requestHeaderRows,
  ...requestBodyRows,
  ...chunkRows,
  ...publishedHeadRows,
  ...publishedFramingRows,
];
