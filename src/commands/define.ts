/** What a command is: load, decide, and secrets to write beside; a decider is a plain function that yields events or refuses. */
import type { z } from 'zod';
import type { EventInput, EventTypeName } from '../events/index.js';
import type { Queryable } from '../infra/database/port.js';
import type { Passwords } from '../infra/passwords.js';
import type { Vault } from '../infra/vault.js';
import type { Ids } from '../shared/ids.js';
import type { Settings } from '../shared/settings.js';

/** An event as a decider yields it; the handler adds id, time, source, actor and correlation. */
export interface Decided {
  readonly type: EventTypeName;
  readonly subject: string;
  readonly data: unknown;
  /** Instead of the caller: somebody who signs up acts as the member they become. */
  readonly actor?: string;
}

/** A `Decided` whose data fits its type. */
export function decided<T extends EventTypeName>(type: T, subject: string, data: EventInput<T>, actor?: string): Decided {
  return actor === undefined ? { type, subject, data } : { type, subject, data, actor };
}

export interface CommandContext {
  readonly now: number;
  readonly ids: Ids;
  readonly actor: string;
}

export interface LoadContext {
  readonly now: number;
  readonly actor: string;
  /** Settings as the environment has them; what is stored lies in the database. */
  readonly defaults: Settings;
}

export interface SecretContext<Prepared = unknown> extends CommandContext {
  readonly vault: Vault;
  /** What `prepare` answered. */
  readonly prepared: Prepared;
}

export interface Command<
  Name extends string = string,
  S extends z.ZodType = z.ZodType,
  State = unknown,
  Result = unknown,
  Prepared = unknown,
> {
  readonly name: Name;
  readonly summary: string;
  readonly input: S;
  /** Slow work that must not hold the transaction's lock, such as hashing a password. */
  prepare?(input: z.output<S>, tools: { readonly passwords: Passwords }): Promise<Prepared>;
  /** Reads what the decision needs, inside the command's transaction. */
  load(tx: Queryable, input: z.output<S>, context: LoadContext): Promise<State>;
  /** Pure. Throws AppError to refuse. No events = nothing to change (still a success). */
  decide(state: State, input: z.output<S>, context: CommandContext): { readonly events: readonly Decided[]; readonly result: Result };
  /** Writes secrets (vault tables) in the same transaction, after the read models. */
  secrets?(tx: Queryable, input: z.output<S>, result: Result, context: SecretContext<Prepared>): Promise<void>;
}

export function defineCommand<const Name extends string, S extends z.ZodType, State, Result, Prepared = undefined>(
  command: Command<Name, S, State, Result, Prepared>,
): Command<Name, S, State, Result, Prepared> {
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
  execute<S extends z.ZodType, Result>(command: Command<string, S, unknown, Result>, input: z.input<S>, meta: CommandMeta): Promise<Result>;
}
