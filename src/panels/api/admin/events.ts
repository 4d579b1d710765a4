/** The event archive as a list and as a stream that resumes. */
import { z } from 'zod';
import { type ArchiveQuery, readArchive, toCloudEvent } from '../../../events/archive.js';
import { CONTROL_PARTITION, type StoredEvent } from '../../../events/define.js';
import { eventTypes } from '../../../events/index.js';
import { defineRoute } from '../define.js';
import { eventNames } from '../eventName.js';
import { followArchive, keepAliveForm } from '../eventStream.js';
import { cursor, filterText, limit, listOf, queryTime } from '../fields.js';

const filters = {
  /** Cursor of the last event seen. */
  after: cursor,
  types: eventNames.optional(),
  subject: filterText,
  correlationId: filterText,
  from: queryTime.optional(),
  to: queryTime.optional(),
};

/** CloudEvents 1.0, with the cursor beside. */
const cloudEvent = z
  .looseObject({
    specversion: z.literal('1.0'),
    id: z.string(),
    source: z.string(),
    type: z.string(),
    subject: z.string(),
    time: z.iso.datetime(),
    data: z.unknown(),
    cursor: z.string(),
  })
  .meta({ description: 'A CloudEvents 1.0 object; `cursor` resumes after it.' });

type Filters = { readonly [K in keyof Omit<ArchiveQuery, 'limit' | 'partitions'>]?: ArchiveQuery[K] | undefined };

/** Without the members that are undefined: the archive takes them for absent only when they are. */
function archiveQuery({ after, types, subject, correlationId, from, to }: Filters): Omit<ArchiveQuery, 'limit'> {
  return {
    ...(after === undefined ? {} : { after }),
    ...(types === undefined ? {} : { types }),
    ...(subject === undefined ? {} : { subject }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

const ofCommands = new Set<string>(eventTypes.filter(({ origin }) => origin === 'control').map(({ type }) => type));

/** What only commands do stands in one partition: the traffic of all others need not be looked through for it. */
function whereabouts(types: readonly string[] | undefined): Pick<ArchiveQuery, 'partitions'> {
  return types?.every((type) => ofCommands.has(type)) ? { partitions: [CONTROL_PARTITION] } : {};
}

export const eventRoutes = [
  defineRoute({
    method: 'get',
    path: '/admin/api/events',
    access: 'admin',
    summary: 'Stored events, oldest first, as CloudEvents 1.0 JSON.',
    status: 200,
    // `cursor` is what every other list calls it.
    query: z.strictObject({ ...filters, cursor, limit }),
    response: listOf(cloudEvent),
    async handle({ query }, { db }) {
      const wanted = archiveQuery({ ...query, after: query.after ?? query.cursor });
      const page = await readArchive(db, { ...wanted, ...whereabouts(query.types), limit: query.limit });
      return {
        body: {
          items: page.items.map(({ event, cursor: at }) => ({ ...toCloudEvent(event), cursor: at }) as z.input<typeof cloudEvent>),
          nextCursor: page.next,
        },
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/events/stream',
    access: 'admin',
    summary:
      'The same as server-sent events that never end; `id:` is the cursor, `Last-Event-ID` resumes, `after=now` leaves out what is stored. `keepAlive=event` makes a `keep-alive` event of the comment every 15 s.',
    status: 200,
    query: z.strictObject({ ...filters, keepAlive: keepAliveForm }),
    async handle({ query, lastEventId, caller }, context) {
      const show = (event: StoredEvent, at: string) => ({ name: event.type, data: { ...toCloudEvent(event), cursor: at } });
      const wanted = archiveQuery({ ...query, after: lastEventId ?? query.after });
      const { keepAlive } = query;
      return { stream: await followArchive({ query: wanted, caller: caller.actor, stillIn: caller.stillIn, show, keepAlive }, context) };
    },
  }),
];
