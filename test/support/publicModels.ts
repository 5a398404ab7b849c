/** Published models and their parameter counts, typed from general knowledge (test/fixtures/facts/publicModels.json). */
import * as z from 'zod/mini';
import publicModelsJson from '../fixtures/facts/publicModels.json';

const schema = z.object({
  models: z.array(
    z.object({
      name: z.string(),
      parameters: z.number(),
      config: z.record(z.string(), z.unknown()),
    }),
  ),
});

export type PublicModel = z.infer<typeof schema>['models'][number];

export const publicModels: readonly PublicModel[] = schema.parse(publicModelsJson).models;
