/** An announcement was deleted. */
import { defineEvent } from '../define.js';
import { announcement, announcementExample } from './state.js';

export const announcementRemoved = defineEvent({
  type: 'kirogate.announcement.removed',
  version: 1,
  origin: 'control',
  aggregate: 'announcement',
  summary: 'This announcement was removed.',
  schema: announcement,
  example: announcementExample,
});
