import { z } from 'zod';
import { serviceSchema } from './service-schema.ts';

/** JSON Schema (draft 2020-12) of one document, for editors. The parser checks more: ranges, relations, duplicates. */
export function releaseFileJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(serviceSchema(), { io: 'input', target: 'draft-2020-12' });
}
