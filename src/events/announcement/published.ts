/** An admin wrote an announcement. */
import { defineEvent } from '../define.js';
import { announcement, announcementExample } from './state.js';

export const announcementPublished = defineEvent({
  type: 'kirogate.announcement.published',
  version: 1,
  origin: 'control',
  aggregate: 'announcement',
  summary: 'This announcement was written.',
  schema: announcement,
  example: announcementExample,
});
