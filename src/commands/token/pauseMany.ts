/** An admin pauses many tokens at once, all in one transaction. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { defineCommand } from '../define.js';
import { id, optionalText } from '../fields.js';
import { loadTokens, type TokenState } from './state.js';
import { suspension } from './suspend.js';

/** Answers those it paused; unknown ids and tokens that an admin paused before stay as they are. */
export const pauseTokens = defineCommand({
  name: 'token.pauseMany',
  summary: 'Pause tokens.',
  input: z.strictObject({ ids: z.array(id).max(5_000), message: optionalText(500).nullable().optional() }),
  load: (tx, input) => loadTokens(tx, input.ids),
  decide(tokens: readonly TokenState[], input, context) {
    requireStaff(context);
    const paused = tokens.flatMap((token) =>
      suspension(token, { reason: 'admin', until: null, message: input.message ?? null }).map((event) => ({ id: token.id, event })),
    );
    return { events: paused.map(({ event }) => event), result: { paused: paused.map((one) => one.id) } };
  },
});
