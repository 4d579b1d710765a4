/** What an announcement says, and to whom. */
import { z } from 'zod';
import { freeText } from '../fields.js';

export const announcement = z.object({
  content: freeText(10_000),
  active: z.boolean(),
  /** Shown before sign-in as well. */
  allowGuest: z.boolean(),
});

export const announcementExample = { content: 'Maintenance on Sunday, 02:00 UTC.', active: true, allowGuest: false };
