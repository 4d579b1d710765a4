/** What an event is: a registered type that carries its schema, and the envelope around its data (CloudEvents 1.0). */
import type { z } from 'zod';

/** `control`: written by a command's transaction. `traffic`: appended to the event log. */
export type EventOrigin = 'control' | 'traffic';

export interface EventType<T extends string = string, S extends z.ZodType = z.ZodType> {
  /** Full name, for example `kirogate.token.used`. */
  readonly type: T;
  /** Version of the data's shape; a change that breaks readers needs the next number and an upcaster. */
  readonly version: number;
  readonly origin: EventOrigin;
  /** First part of the subject, for example `token` in `token/<id>`. */
  readonly aggregate: string;
  /** One sentence in the past tense for reference pages. */
  readonly summary: string;
  readonly schema: S;
  readonly example: z.output<S>;
  /** `upcasters[v]` turns data of version v into data of version v + 1. */
  readonly upcasters?: Readonly<Record<number, (data: unknown) => unknown>>;
}

/** Registers nothing: the registry in `index.ts` lists the values. Gives the type parameters their exact inference. */
export function defineEvent<const T extends `kirogate.${string}`, S extends z.ZodType>(type: EventType<T, S>): EventType<T, S> {
  return type;
}

/** An event as its producer makes it. Ids, once minted, stay the same through every retry. */
export interface NewEvent<T extends string = string, D = unknown> {
  /** UUIDv7. */
  readonly id: string;
  readonly type: T;
  /** `/kirogate/nodes/<node id>` */
  readonly source: string;
  /** `<aggregate>/<id>` */
  readonly subject: string;
  /** Milliseconds since the epoch, UTC. */
  readonly time: number;
  readonly data: D;
  readonly dataversion: number;
  /** What keeps order: events of one key are in one partition. `control` events ignore it. */
  readonly partitionkey: string;
  /** `admin`, `admin-api-key`, `user/<id>`, `key/<id>` or `system`. */
  readonly actor: string;
  /** The request id that all events of one request share. */
  readonly correlationid: string | null;
  /** The event or command behind this one. */
  readonly causationid: string | null;
}

/** An event in the archive. */
export interface StoredEvent<T extends string = string, D = unknown> extends NewEvent<T, D> {
  /** `p0` … or `control`. */
  readonly partition: string;
  /** Dense from 1 in its partition. */
  readonly position: number;
}

export const CONTROL_PARTITION = 'control';
