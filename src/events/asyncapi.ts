/** The AsyncAPI 3.0 document of all event types, made from the schemas that validate them (`GET /asyncapi.json`). */
import { z } from 'zod';
import { CONTROL_PARTITION, type EventType } from './define.js';
import { eventTypes } from './index.js';

type Json = Readonly<Record<string, unknown>>;

const ref = (path: string): Json => ({ $ref: `#/${path}` });

/** Contract §7: CloudEvents 1.0 with our extensions. */
const envelope: Json = {
  type: 'object',
  required: [
    'specversion',
    'id',
    'source',
    'type',
    'subject',
    'time',
    'data',
    'dataversion',
    'partitionkey',
    'actor',
    'partition',
    'sequence',
  ],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string', format: 'uuid', description: 'UUIDv7, minted once by the producer and kept through every retry.' },
    source: { type: 'string', description: 'Of the node that produced it.', examples: ['/kirogate/nodes/node-1'] },
    type: { type: 'string' },
    subject: { type: 'string', description: 'What it happened to, as aggregate and id.' },
    time: { type: 'string', format: 'date-time' },
    dataversion: { type: 'integer', minimum: 1, description: 'Version of the shape of `data`.' },
    partitionkey: { type: 'string', description: 'Events of one key keep their order.' },
    actor: { type: 'string', description: 'admin, admin-api-key, user/<id>, key/<id> or system.' },
    correlationid: { type: 'string', description: 'The request id that all events of one request share.' },
    causationid: { type: 'string', description: 'The event or command behind this one.' },
    partition: { type: 'string', description: 'p0 … or control.' },
    sequence: { type: 'string', description: 'Position in the partition, dense from 1.' },
  },
};

/** `title` and `version` of the product; `partitions`: how many data streams there are. */
export function asyncApiDocument(options: { readonly version: string; readonly partitions: number }): Json {
  const messages = Object.fromEntries(eventTypes.map((type) => [type.type, message(type)]));
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'KiroGate events',
      version: options.version,
      description: 'Every fact of the system as a CloudEvents 1.0 object. Prompts, replies, tokens and key material never enter an event.',
    },
    defaultContentType: 'application/cloudevents+json',
    channels: {
      traffic: channel('traffic', {
        address: 'kirogate:{partition}:events',
        title: 'What requests did',
        parameters: {
          partition: { enum: Array.from({ length: options.partitions }, (_, index) => `{p${index}}`), description: 'Braces included.' },
        },
      }),
      control: channel('control', { address: `kirogate:{${CONTROL_PARTITION}}:events`, title: 'What people and the system decided' }),
    },
    operations: Object.fromEntries(
      (['traffic', 'control'] as const).map((name) => [
        `receive${name === 'traffic' ? 'Traffic' : 'Control'}`,
        {
          action: 'receive',
          channel: ref(`channels/${name}`),
          summary: 'Also as HTTP and SSE: GET /admin/api/events and /admin/api/events/stream.',
        },
      ]),
    ),
    components: {
      messages,
      schemas: {
        envelope,
        ...Object.fromEntries(eventTypes.map((type) => [type.type, dataSchema(type)])),
      },
    },
  };
}

function channel(origin: EventType['origin'], head: Json): Json {
  const types = eventTypes.filter((type) => type.origin === origin);
  return { ...head, messages: Object.fromEntries(types.map(({ type }) => [type, ref(`components/messages/${type}`)])) };
}

function message(type: EventType): Json {
  const data = { type: { const: type.type }, dataversion: { const: type.version }, data: ref(`components/schemas/${type.type}`) };
  return {
    name: type.type,
    title: type.type,
    summary: type.summary,
    contentType: 'application/cloudevents+json',
    tags: [{ name: type.aggregate }, { name: type.origin }],
    payload: { allOf: [ref('components/schemas/envelope'), { type: 'object', properties: data }] },
    examples: [{ name: 'example', payload: { type: type.type, dataversion: type.version, data: type.example } }],
  };
}

function dataSchema(type: EventType): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(type.schema);
  return schema;
}
