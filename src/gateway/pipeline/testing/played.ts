/** One request forwarded to its end, and what came of it. */
import { AppError } from '../../../errors.js';
import { type ModelEvent, UpstreamFailure } from '../../../upstreams/define.js';
import { each } from '../../../upstreams/testing/events.js';
import { forward } from '../forward.js';
import type { Run } from '../run.js';
import { createKit, type Kit, type KitOptions, stop, text, usage } from './kit.js';

export interface Played {
  readonly kit: Kit;
  readonly run: Run;
  readonly events: readonly ModelEvent[];
  /** What it failed with: the failure's kind or the error's code; null: it served. */
  readonly failed: string | null;
}

/** Forwards one request to its end. */
export async function play(options: KitOptions, over: Partial<Run> = {}): Promise<Played> {
  const kit = await createKit(options);
  const run = kit.run(over);
  const events: ModelEvent[] = [];
  const failed = await collect(kit, run, events);
  return { kit, run, events, failed };
}

/** The events so far stay in `events`, also when it fails. */
export async function collect(kit: Kit, run: Run, events: ModelEvent[]): Promise<string | null> {
  try {
    for await (const event of each(forward(run, await kit.first(run), kit.deps))) events.push(event);
    return null;
  } catch (error) {
    if (error instanceof UpstreamFailure) return error.kind;
    return error instanceof AppError ? error.code : String(error);
  }
}

/** How each attempt was settled. */
export const outcomes = ({ kit }: Played): string[] => kit.settled.map(({ outcome }) => outcome);
export const answer = [text('hi'), usage, stop];
