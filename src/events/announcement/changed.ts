/** An announcement was edited, shown or hidden. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { announcement, announcementExample } from './state.js';

export const announcementChanged = defineEvent({
  type: 'kirogate.announcement.changed',
  version: 1,
  origin: 'control',
  aggregate: 'announcement',
  summary: 'This announcement was changed.',
  schema: z.object({ from: announcement, to: announcement }),
  example: { from: announcementExample, to: { ...announcementExample, active: false } },
});
