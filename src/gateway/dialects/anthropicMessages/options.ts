/** The top-level options of `POST /v1/messages`; messages, system and tools are read by hand. */
import { z } from 'zod';
import { MAX_STOP_CHARS } from '../shared/limits.js';
import { outputEffort, thinkingConfig } from '../shared/thinking.js';

/** The API names no limit; every sequence costs time on every piece of text. */
const MAX_STOPS = 64;

/** What `count_tokens` takes as well. */
export const countOptions = z.object({
  model: z.string().min(1).max(256),
  thinking: thinkingConfig,
  output_config: z.object({ effort: outputEffort }).nullish(),
  metadata: z.object({ user_id: z.string().nullish() }).nullish(),
  mcp_servers: z.array(z.unknown()).max(0, { error: 'cannot be honoured by this gateway; leave it out' }).nullish(),
});

export const messagesOptions = countOptions.extend({
  max_tokens: z.number().int().min(1),
  stream: z.boolean().nullish(),
  stop_sequences: z.array(z.string().max(MAX_STOP_CHARS)).max(MAX_STOPS).nullish(),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.number().int().min(0).nullish(),
});
