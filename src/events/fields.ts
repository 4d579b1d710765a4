/** Field shapes that control events share. Times are ms since epoch, UTC. */
import { z } from 'zod';
import { safeText } from '../shared/safeText.js';

/** A count, or a time in ms since epoch: an integer from 0. */
export const count = z.int().nonnegative();

/** Free text from people or other systems: cleaned by `safeText` and cut at `max` UTF-16 units. */
export const freeText = (max: number) =>
  z
    .string()
    .overwrite((text) => safeText(text, max))
    .max(max);
