/** Runs commands: validate, load, decide, archive and project in one transaction; what it confirmed is durable and seen by the next read. */
import type { Logger } from 'pino';
import type { z } from 'zod';
import { AppError } from '../errors.js';
import { appendToArchive } from '../events/archive.js';
import { CONTROL_PARTITION, type NewEvent, type StoredEvent } from '../events/define.js';
import { encodeEvent } from '../events/index.js';
import { DatabaseError } from '../infra/database/errors.js';
import type { Database, Queryable } from '../infra/database/port.js';
import { createPasswords, type Passwords } from '../infra/passwords.js';
import type { Vault } from '../infra/vault.js';
import type { Directory } from '../projections/directory.js';
import { retryCollisions } from '../projections/runner/collisions.js';
import { applyLive, Behind, OtherVersion } from '../projections/runner/live.js';
import { lockPartitions } from '../projections/runner/locks.js';
import type { Clock } from '../shared/clock.js';
import type { Ids } from '../shared/ids.js';
import { schemaIssue, valueAt } from '../shared/schemaIssue.js';
import type { Settings } from '../shared/settings.js';
import type { Command, CommandMeta, Commands, Decided } from './define.js';
import { createRefusalRecorder, type Refusal } from './refusals.js';

export interface CommandDeps {
  readonly db: Database;
  /** Asked after each commit, so that this node's next request sees the change. */
  readonly directory: () => Pick<Directory, 'catchUp'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly nodeId: string;
  readonly vault: Vault;
  readonly logger: Logger;
  /** Settings as the environment has them. */
  readonly defaults: Settings;
  readonly passwords?: Passwords;
  /** Told of each committed control position. Resolves when the command may be confirmed; must not throw or reject. */
  readonly committed?: (position: number) => void | Promise<void>;
  /** For tests: calls back after `ms` unless cancelled. */
  readonly after?: (ms: number, callback: () => void) => { cancel(): void };
}

export interface CommandService extends Commands {
  /** Records the refusals counted so far. Commands may not be run afterwards. */
  close(): Promise<void>;
}

export function createCommands(deps: CommandDeps): CommandService {
  const passwords = deps.passwords ?? createPasswords();
  const refusals = createRefusalRecorder({
    record: (refusal) => recordRefusal(deps, refusal),
    onLost: (error, { data }) =>
      deps.logger.warn({ err: error, command: data.command, code: data.code }, 'a refused command could not be recorded'),
    after: deps.after ?? afterTimeout,
  });

  async function run<S extends z.ZodType, Result>(
    command: Command<string, S, unknown, Result>,
    raw: z.input<S>,
    meta: CommandMeta,
  ): Promise<Result> {
    const input = validated(command, raw);
    const prepared = await command.prepare?.(input, { passwords });
    const { result, position } = await retryCollisions(() => deps.db.tx((tx) => transact(deps, command, { input, prepared }, meta, tx)));
    if (position !== null) await confirm(deps, position);
    return result;
  }

  return {
    async execute(command, input, meta) {
      try {
        return await run(command, input, meta);
      } catch (error) {
        const refusal = asAppError(error);
        if (isRefusal(refusal) && isPerson(meta.actor)) await refusals.refused(describe(command.name, input, refusal, meta));
        throw refusal;
      }
    },
    close: () => refusals.close(),
  };
}

function validated<S extends z.ZodType>(command: Command<string, S>, raw: unknown): z.output<S> {
  const parsed = command.input.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : (issue?.path ?? []);
  const param = path.map(String).join('.');
  const message = `${param || 'input'}: ${issue?.message ?? 'not valid'}`;
  throw new AppError('invalid_request', {
    message,
    param,
    ...(issue && { extra: { issue: schemaIssue(issue, valueAt(raw, issue.path)) } }),
  });
}

/** The part that is all or nothing. `position`: of the last event, null when nothing changed. */
async function transact<S extends z.ZodType, Result>(
  deps: CommandDeps,
  command: Command<string, S, unknown, Result>,
  { input, prepared }: { readonly input: z.output<S>; readonly prepared: unknown },
  meta: CommandMeta,
  tx: Queryable,
): Promise<{ result: Result; position: number | null }> {
  await lockControl(tx);
  const now = deps.clock.now();
  const state = await command.load(tx, input, { now, actor: meta.actor, defaults: deps.defaults });
  const context = { now, ids: deps.ids, actor: meta.actor };
  const { events, result } = command.decide(state, input, context);
  const position = await archive(deps, tx, events, { ...meta, now });
  await command.secrets?.(tx, input, result, { ...context, vault: deps.vault, prepared });
  return { result, position };
}

/** Deciders see what the commands before them committed: one command at a time, over all nodes. */
async function lockControl(tx: Queryable): Promise<void> {
  await lockPartitions(tx, [CONTROL_PARTITION]);
}

async function archive(
  deps: CommandDeps,
  tx: Queryable,
  events: readonly Decided[],
  meta: CommandMeta & { readonly now: number },
): Promise<number | null> {
  if (events.length === 0) return null;
  const fresh = events.map((event): NewEvent => {
    const { type, dataversion, data } = encodeEvent(event.type as string, event.data);
    return {
      id: deps.ids.uuid(),
      type,
      source: `/kirogate/nodes/${deps.nodeId}`,
      subject: event.subject,
      time: meta.now,
      data,
      dataversion,
      partitionkey: event.subject,
      actor: event.actor ?? meta.actor,
      correlationid: meta.correlationId ?? null,
      causationid: meta.causationId ?? null,
    };
  });
  const stored = await appendToArchive(tx, CONTROL_PARTITION, fresh);
  await project(tx, stored);
  return stored.at(-1)?.position ?? null;
}

/** A confirmed command is in the tables that the next decision reads; where it cannot be, it is refused instead. */
async function project(tx: Queryable, stored: readonly StoredEvent[]): Promise<void> {
  const { parked } = await applyLive(tx, stored);
  const ours = new Set(stored.map(({ id }) => id));
  const stuck = parked.find(({ projection, event }) => projection.name === 'directory' && ours.has(event.id));
  if (stuck === undefined) return;
  const message = `An earlier event of ${stuck.event.subject} is parked; retry or discard it first.`;
  throw new AppError('conflict', { message, cause: new Error(stuck.error) });
}

/** The change is durable. */
async function confirm(deps: CommandDeps, position: number): Promise<void> {
  await Promise.all([deps.committed?.(position), follow(deps, position)]);
}

/** A node that cannot follow at once will by its poll. */
async function follow(deps: CommandDeps, position: number): Promise<void> {
  try {
    await deps.directory().catchUp(position);
  } catch (error) {
    deps.logger.warn({ err: error, position }, 'the directory could not follow a command at once');
  }
}

async function recordRefusal(deps: CommandDeps, { actor, correlationId, data }: Refusal): Promise<void> {
  const now = deps.clock.now();
  const meta = { actor, now, ...(correlationId === null ? {} : { correlationId }) };
  const refused = { type: 'kirogate.admin.command-refused', subject: 'admin', data } as const;
  const position = await retryCollisions(() =>
    deps.db.tx(async (tx) => {
      await lockControl(tx);
      return archive(deps, tx, [refused], meta);
    }),
  );
  if (position !== null) await confirm(deps, position);
}

/** What a store failed with becomes a 503 or 409; bugs stay what they are. */
function asAppError(error: unknown): unknown {
  // Another build's tables: its nodes take commands, and so does this one once it runs that build.
  if (error instanceof OtherVersion || error instanceof Behind) {
    return new AppError('storage_unavailable', { retryAfterSeconds: 5, cause: error });
  }
  if (!(error instanceof DatabaseError)) return error;
  if (error.transient) return new AppError('storage_unavailable', { retryAfterSeconds: 2, cause: error });
  return error.fault === 'unique' ? new AppError('conflict', { cause: error }) : error;
}

function isRefusal(error: unknown): error is AppError {
  return error instanceof AppError && error.status < 500;
}

function isPerson(actor: string): boolean {
  return actor === 'admin' || actor === 'admin-api-key' || actor.startsWith('user/');
}

function describe(command: string, input: unknown, error: AppError, meta: CommandMeta): Refusal {
  const { code, message, param } = error;
  const data = { command, code, message, param: param ?? null, target: targetOf(command, input), count: 1 };
  return { actor: meta.actor, correlationId: meta.correlationId ?? null, data };
}

/** Only what looks like an id of ours: the input was perhaps refused for its form. */
function targetOf(command: string, input: unknown): string | null {
  if (typeof input !== 'object' || input === null) return null;
  const fields = input as Readonly<Record<string, unknown>>;
  const names = { tokenId: 'token', keyId: 'key', userId: 'user', id: command.slice(0, command.indexOf('.')) };
  for (const [field, aggregate] of Object.entries(names)) {
    const value = fields[field];
    if (typeof value === 'string' && /^[\w-]{1,100}$/.test(value)) return `${aggregate}/${value}`;
  }
  return null;
}

function afterTimeout(ms: number, callback: () => void): { cancel(): void } {
  const timer = setTimeout(callback, ms).unref();
  return { cancel: () => clearTimeout(timer) };
}
