/** One output item after another: its id and place, and the events that open and close it. */
import type { RenderContext } from '../define.js';
import { bareId } from './wire.js';

export type OutputItem = Readonly<Record<string, unknown>>;

/** Where events go; a whole response has nobody who listens. */
export interface ItemEvents {
  event(type: string, members: Readonly<Record<string, unknown>>): void;
  /** A writer of `delta` events that differ in their text alone. */
  deltas(type: string, members: Readonly<Record<string, unknown>>): (delta: string) => void;
}

export interface Writer {
  readonly output: OutputItem[];
  /** Adds an item; answers the members by which events name it. */
  open(prefix: string, item: OutputItem): ItemRef;
  /** Replaces the open item by what became of it. `whole`: false where it was cut although the reply was not. */
  close(item: OutputItem, whole?: boolean): void;
  cut(): void;
}

export interface ItemRef {
  readonly item_id: string;
  readonly output_index: number;
}

export function createWriter(context: RenderContext, events: ItemEvents): Writer {
  const output: OutputItem[] = [];
  const base = bareId(context);
  let id = '';
  let isCut = false;
  return {
    output,
    open(prefix, item) {
      id = `${prefix}_${base}${String(output.length).padStart(2, '0')}`;
      const opened = { id, ...item, status: 'in_progress' };
      const index = output.push(opened) - 1;
      events.event('response.output_item.added', { output_index: index, item: opened });
      return { item_id: id, output_index: index };
    },
    close(item, whole = true) {
      const index = output.length - 1;
      const closed = { id, ...item, status: whole && !isCut ? 'completed' : 'incomplete' };
      output[index] = closed;
      events.event('response.output_item.done', { output_index: index, item: closed });
    },
    cut() {
      isCut = true;
    },
  };
}
