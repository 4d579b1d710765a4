/** Between a reply as single events and a reply as the lists they came in. */
import type { ModelEvent, ModelEvents } from '../define.js';

/** Every event by itself. */
export async function* each(reply: AsyncIterable<ModelEvents>): AsyncGenerator<ModelEvent, void, undefined> {
  for await (const events of reply) yield* events;
}

/** Each event in a list of its own. */
export async function* apart(events: AsyncIterable<ModelEvent>): AsyncGenerator<ModelEvents, void, undefined> {
  for await (const event of events) yield [event];
}
