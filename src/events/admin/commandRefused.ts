/** A command of an admin or member was refused. The first per actor, command and code at once, then one a minute with its count. Subject: `admin`. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { freeText } from '../fields.js';

export const adminCommandRefused = defineEvent({
  type: 'kirogate.admin.command-refused',
  version: 1,
  origin: 'control',
  aggregate: 'admin',
  summary: 'A command was refused.',
  schema: z.object({
    /** Name in the command registry, for example `key.issue`. */
    command: z.string().max(100),
    /** Code of the error catalogue. */
    code: z.string().max(100),
    message: freeText(500),
    /** The field at fault, if one was. */
    param: freeText(200).nullable(),
    /** What the (first) command was aimed at, as a subject, where its input says so. */
    target: z.string().max(200).nullable(),
    /** How many refusals this event stands for. */
    count: z.int().positive(),
  }),
  example: {
    command: 'user.setQuota',
    code: 'not_found',
    message: 'Nothing is here.',
    param: null,
    target: 'user/k3v9x2m7q1w8e4r6',
    count: 1,
  },
});
