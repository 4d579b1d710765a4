/** What a command is: load, decide, and secrets to write beside; a decider is a plain function that yields events or refuses. */
import type { z } from 'zod';
import type { Clock } from '../shared/clock.js';
import type { Ids } from '../shared/ids.js';
import type { Queryable } from '../infra/database/port.js';

/** An event as a decider yields it; the handler adds id, time, source, actor and correlation. */
export interface Decided {
  readonly type: string;
  readonly subject: string;
  readonly data: unknown;
}

export interface CommandContext {
  readonly now: number;
  readonly ids: Ids;
  readonly actor: string;
}

export interface Command<Name extends string = string, S extends z.ZodType = z.ZodType, State = unknown, Result = unknown> {
  readonly name: Name;
  readonly summary: string;
  readonly input: S;
  /** Reads what the decision needs, inside the command's transaction. */
  load(tx: Queryable, input: z.output<S>): Promise<State>;
  /** Pure. Throws AppError to refuse. No events = nothing to change (still a success). */
  decide(state: State, input: z.output<S>, context: CommandContext): { readonly events: readonly Decided[]; readonly result: Result };
  /** Writes secrets (vault tables) in the same transaction, after the read models. */
  secrets?(tx: Queryable, input: z.output<S>, result: Result, context: CommandContext): Promise<void>;
}

export function defineCommand<const Name extends string, S extends z.ZodType, State, Result>(
  command: Command<Name, S, State, Result>,
): Command<Name, S, State, Result> {
  return command;
}

export interface CommandMeta {
  /** `admin`, `admin-api-key`, `user/<id>` or `system`. */
  readonly actor: string;
  readonly correlationId?: string;
  readonly causationId?: string;
}

/** What everything above the commands floor calls. */
export interface Commands {
  /**
   * Validates, decides and commits; resolves when durable and this node's directory has it. Throws AppError
   * (a refusal by an admin or member is recorded as `kirogate.admin.command-refused`).
   */
  execute<S extends z.ZodType, Result>(command: Command<string, S, never, Result> | Command<string, S, any, Result>, input: z.input<S>, meta: CommandMeta): Promise<Result>;
}

export type { Clock };
