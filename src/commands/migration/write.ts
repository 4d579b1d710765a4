/** Writes a plan in the caller's transaction: archive and read models, vault, and what is remembered, a batch at a time. */
import { appendToArchive } from '../../events/archive.js';
import { CONTROL_PARTITION, type NewEvent } from '../../events/define.js';
import { encodeEvent } from '../../events/index.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { rowsOf } from '../../infra/database/rows.js';
import type { Vault } from '../../infra/vault.js';
import { allDone } from '../../projections/runner/allDone.js';
import { applyLive } from '../../projections/runner/live.js';
import type { Ids } from '../../shared/ids.js';
import { insertCredential } from '../token/credentials.js';
import { atTable, MigrationFault, rethrowBusy } from './fault.js';
import type { TakenTable } from './old/read.js';
import type { Becoming, Kind, Plan, PlannedEvent, PlannedRow } from './plan.js';

export interface WriteDeps {
  readonly ids: Pick<Ids, 'uuid'>;
  readonly nodeId: string;
  readonly vault: Vault;
}

export interface Envelope {
  readonly actor: string;
  readonly correlationId: string | null;
  readonly causationId: string;
}

/** Rows in one batch of statements. */
const BATCH = 500;

/** `done` hears of each batch. Answers the control position of the last event. Throws MigrationFault naming the table. */
export async function writeRows(
  tx: Queryable,
  rows: readonly PlannedRow[],
  deps: WriteDeps,
  envelope: Envelope,
  done: (rows: readonly PlannedRow[]) => void,
): Promise<number | null> {
  let position: number | null = null;
  for (let from = 0; from < rows.length; ) {
    const table = rows[from]?.table ?? null;
    let upTo = from;
    while (upTo < rows.length && upTo - from < BATCH && rows[upTo]?.table === table) upTo += 1;
    const batch = rows.slice(from, upTo);
    try {
      const become = batch.map((row) => row.become());
      const events = become.flatMap((row) => row.events);
      position = (await writeEvents(tx, events, deps, envelope)) ?? position;
      await writeSecrets(tx, become, deps.vault);
    } catch (error) {
      rethrowBusy(error);
      throw atTable(table, error);
    }
    done(batch);
    from = upTo;
  }
  return position;
}

/** Answers the position of the last one. */
export async function writeEvents(
  tx: Queryable,
  events: readonly PlannedEvent[],
  deps: Pick<WriteDeps, 'ids' | 'nodeId'>,
  envelope: Envelope,
): Promise<number | null> {
  const fresh = events.map((event): NewEvent => {
    const { type, dataversion, data } = encodeEvent(event.type as string, event.data);
    return {
      id: deps.ids.uuid(),
      type,
      source: `/kirogate/nodes/${deps.nodeId}`,
      subject: event.subject,
      time: event.at,
      data,
      dataversion,
      partitionkey: event.subject,
      actor: envelope.actor,
      correlationid: envelope.correlationId,
      causationid: envelope.causationId,
    };
  });
  const stored = await appendToArchive(tx, CONTROL_PARTITION, fresh);
  const { parked } = await applyLive(tx, stored);
  const [stuck] = parked.filter(({ projection }) => projection.name === 'directory');
  if (stuck) throw new MigrationFault(null, `the directory cannot take ${stuck.event.type} of ${stuck.event.subject}: ${stuck.error}`);
  return stored.at(-1)?.position ?? null;
}

async function writeSecrets(tx: Queryable, rows: readonly Becoming[], vault: Vault): Promise<void> {
  const of = <T>(pick: (row: Becoming) => T | undefined): T[] => rows.map(pick).filter((one) => one !== undefined);
  const passwords = of((row) => row.secrets.password);
  if (passwords.length > 0) {
    const list = passwords.map(({ userId, hash }) => ({ user_id: userId, hash }));
    await tx.query(sql`insert into vault_passwords (user_id, hash) ${rowsOf(tx.engine, { user_id: 'text', hash: 'text' }, list)}`);
  }
  const identities = of((row) => row.secrets.identities).flat();
  if (identities.length > 0) {
    const list = identities.map(({ identity, userId, provider, linkedAt }) => ({
      identity,
      user_id: userId,
      provider,
      linked_at: linkedAt,
    }));
    const columns = { identity: 'text', user_id: 'text', provider: 'text', linked_at: 'bigint' } as const;
    await tx.query(sql`insert into vault_identities (identity, user_id, provider, linked_at) ${rowsOf(tx.engine, columns, list)}`);
  }
  const keys = of((row) => row.secrets.key);
  if (keys.length > 0) {
    const list = keys.map(({ keyId, hash }) => ({ key_id: keyId, hash }));
    await tx.query(sql`insert into vault_keys (key_id, hash) ${rowsOf(tx.engine, { key_id: 'text', hash: 'text' }, list)}`);
  }
  const importKeys = of((row) => row.secrets.importKey);
  if (importKeys.length > 0) {
    const list = importKeys.map(({ importKeyId, hash }) => ({ import_key_id: importKeyId, hash }));
    const columns = { import_key_id: 'text', hash: 'text' } as const;
    await tx.query(sql`insert into vault_import_keys (import_key_id, hash) ${rowsOf(tx.engine, columns, list)}`);
  }
  const sealing = of((row) => row.secrets.credential).map(async ({ tokenId, credential }) => {
    const { authType, fingerprint, secret } = credential;
    const stored = await insertCredential(tx, vault, { tokenId, authType, fingerprint, secret });
    if (!stored) throw new MigrationFault('tokens', `the credential of token ${tokenId} is in the vault already`);
  });
  await allDone(sealing);
}

/** Old tables by what their rows are known again as. */
const tableOf: Readonly<Record<Kind, TakenTable>> = {
  user: 'users',
  token: 'tokens',
  key: 'api_keys',
  'import-key': 'import_keys',
  announcement: 'announcements',
  setting: 'site_config',
  ip: 'ip_blacklist',
};

/** Throws MigrationFault naming the old table whose rows were to be noted. */
export async function writeRemembered(tx: Queryable, remember: Plan['remember']): Promise<void> {
  for (const [kind, table] of Object.entries(tableOf)) {
    try {
      await writeNotes(tx, kind, remember.get(kind as Kind) ?? new Map());
    } catch (error) {
      rethrowBusy(error);
      throw atTable(table, error);
    }
  }
}

async function writeNotes(tx: Queryable, kind: string, ids: ReadonlyMap<string, string>): Promise<void> {
  const columns = { kind: 'text', natural_key: 'text', id: 'text' } as const;
  let page: { kind: string; natural_key: string; id: string }[] = [];
  const write = async (): Promise<void> => {
    await tx.query(sql`insert into imported_rows (kind, natural_key, id) ${rowsOf(tx.engine, columns, page)} on conflict do nothing`);
    page = [];
  };
  for (const [natural_key, id] of ids) {
    page.push({ kind, natural_key, id });
    if (page.length === 2_000) await write();
  }
  if (page.length > 0) await write();
}
