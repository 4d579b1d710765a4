/** given(state).when(command, input).then(events): the whole test of a decider. */
import type { z } from 'zod';
import { AppError } from '../errors.js';
import { encodeEvent } from '../events/index.js';
import type { CommandContext, Decided } from './define.js';

export const NOW = Date.UTC(2026, 10, 23, 12);

export interface Outcome<Result> {
  /** `{type, subject, data}` of each event, with `kirogate.` cut off the type. */
  readonly events: readonly { readonly type: string; readonly subject: string; readonly data: unknown; readonly actor?: string }[];
  readonly result: Result;
}

/** Ids come as `id1`, `id2` …, each filled up to 16 characters. */
export function countingIds(): { uuid(): string; short(): string } {
  let n = 0;
  return {
    uuid: () => `019a5e3c-2f10-7000-8000-${String(++n).padStart(12, '0')}`,
    short: () => `id${String(++n)}`.padEnd(16, 'x'),
  };
}

/** The part of a command that decides; a method, so that a command that also takes more than the given state fits. */
interface Decider<S extends z.ZodType, State, Result> {
  readonly input: S;
  decide(state: State, input: z.output<S>, context: CommandContext): { readonly events: readonly Decided[]; readonly result: Result };
}

export function given<State>(state: State) {
  return {
    when<S extends z.ZodType, Result>(command: Decider<S, State, Result>, input: z.input<S>, actor = 'admin'): Outcome<Result> {
      const { events, result } = command.decide(state, command.input.parse(input), { now: NOW, ids: countingIds(), actor });
      return { events: events.map(shown), result };
    },
    /** The code that the decider refuses with. */
    refuses<S extends z.ZodType, Result>(command: Decider<S, State, Result>, input: z.input<S>, actor = 'admin'): string {
      try {
        this.when(command, input, actor);
      } catch (error) {
        if (error instanceof AppError) return error.param === undefined ? error.code : `${error.code} ${error.param}`;
        throw error;
      }
      return 'accepted';
    },
  };
}

function shown(event: Decided): Outcome<unknown>['events'][number] {
  const { data } = encodeEvent(event.type as string, event.data);
  return { ...event, type: event.type.replace(/^kirogate\./, ''), data };
}
