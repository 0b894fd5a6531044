import { z } from 'zod';

const settingShape = z.union([z.string(), z.number(), z.boolean()]);

/** A flag of a revision as an instance's record keeps it. */
export const flagShape = z.object({
  key: z.string(),
  state: z.enum(['ENABLED', 'DISABLED']),
  variants: z.record(z.string(), z.union([settingShape, z.record(z.string(), z.json())])),
  defaultVariant: z.string(),
  targeting: z.array(
    z.object({
      when: z.array(z.object({ attribute: z.string(), values: z.array(settingShape) })),
      serve: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('variant'), variant: z.string() }),
        z.object({
          kind: z.literal('split'),
          shares: z.array(z.object({ variant: z.string(), percent: z.number() })),
        }),
      ]),
    }),
  ),
  environment: z.string().exactOptional(),
});
