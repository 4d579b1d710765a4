/** Old client keys, import keys and announcements. The keys themselves were kept nowhere: their SHA-256 goes on working. */
import { decided } from '../../define.js';
import type { TakenTable } from '../old/read.js';
import { boolOf, idOf, isFilled, type OldRow, rowName, textOf, timeOf } from '../old/values.js';
import type { Becoming, PlannedEvent, Planning } from '../plan.js';

export function* planKeys(planning: Planning): Generator<void> {
  for (const row of planning.old.tables.get('api_keys') ?? []) {
    yield;
    const key = readKey(planning, 'api_keys', row, planning.known.keyByHash);
    if (key === null) continue;
    const keyId = planning.idFor('key', 'api_keys', key.oldId);
    planning.keep('key', `hash:${key.hash}`, keyId);
    planning.rows.push({ table: 'api_keys', become: () => becomeKey(key, keyId, planning.tools.now) });
    planning.report.count('api_keys', 'imported');
  }
}

function becomeKey({ name, prefix, userId, hash, active, at }: OldKey, keyId: string, now: number): Becoming {
  const settings = { name, rpmLimit: null, allowedModels: null, expiresAt: null };
  const events: PlannedEvent[] = [{ ...decided('kirogate.key.issued', `key/${keyId}`, { ...settings, userId, prefix }), at }];
  if (!active) events.push({ ...decided('kirogate.key.revoked', `key/${keyId}`, { userId, name, prefix }), at: now });
  return { events, secrets: { key: { keyId, hash } } };
}

function becomeImportKey({ name, prefix, userId, hash, active, at }: OldKey, importKeyId: string, now: number): Becoming {
  const subject = `import-key/${importKeyId}`;
  const events: PlannedEvent[] = [{ ...decided('kirogate.import-key.issued', subject, { name, prefix, userId }), at }];
  if (!active) events.push({ ...decided('kirogate.import-key.revoked', subject, { name, prefix }), at: now });
  return { events, secrets: { importKey: { importKeyId, hash } } };
}

export function* planImportKeys(planning: Planning): Generator<void> {
  for (const row of planning.old.tables.get('import_keys') ?? []) {
    yield;
    const key = readKey(planning, 'import_keys', row, planning.known.importKeyByHash);
    if (key === null) continue;
    const importKeyId = planning.idFor('import-key', 'import_keys', key.oldId);
    planning.keep('import-key', `hash:${key.hash}`, importKeyId);
    planning.rows.push({ table: 'import_keys', become: () => becomeImportKey(key, importKeyId, planning.tools.now) });
    planning.report.count('import_keys', 'imported');
  }
}

interface OldKey {
  readonly oldId: string;
  readonly hash: string;
  readonly prefix: string;
  readonly name: string;
  readonly userId: string;
  readonly active: boolean;
  readonly at: number;
}

/** null: nothing is to be done with the row; it is counted and, where it matters, told. */
function readKey(planning: Planning, table: TakenTable, row: OldRow, byHash: (hash: string) => string | undefined): OldKey | null {
  const { report } = planning;
  const oldId = idOf(row.id);
  const hash = textOf(row.key_hash, 100)?.toLowerCase() ?? '';
  if (oldId === null || !/^[0-9a-f]{64}$/.test(hash)) {
    report.passOver(table, rowName(row), oldId === null ? 'has no usable id' : 'the key hash is no SHA-256');
    return null;
  }
  const userId = planning.users.get(idOf(row.user_id) ?? '');
  if (userId === undefined) {
    report.passOver(table, oldId, `orphan: there is no user ${idOf(row.user_id) ?? ''}`.trim());
    return null;
  }
  const kind = table === 'api_keys' ? 'key' : 'import-key';
  if ((byHash(hash) ?? planning.here(kind, `hash:${hash}`)) !== undefined) {
    report.count(table, 'matched');
    return null;
  }
  const prefix = planning.text(table, oldId, row, 'key_prefix', 20) ?? 'sk-';
  const name = planning.text(table, oldId, row, 'name', 100) ?? prefix;
  return { oldId, hash, prefix, name, userId, active: boolOf(row.is_active, true), at: planning.dateOf(table, oldId, row.created_at) };
}

export function* planAnnouncements(planning: Planning): Generator<void> {
  const { report } = planning;
  for (const row of planning.old.tables.get('announcements') ?? []) {
    yield;
    const oldId = idOf(row.id);
    if (oldId === null || !isFilled(row.content)) {
      report.passOver('announcements', rowName(row), 'has no id or no content');
      continue;
    }
    const at = timeOf(row.created_at);
    const natural = `old:${oldId}:${at ?? 0}`;
    if (planning.here('announcement', natural) !== undefined) {
      report.count('announcements', 'matched');
      continue;
    }
    const id = planning.idFor('announcement', 'announcements', oldId);
    planning.keep('announcement', natural, id);
    const content = planning.text('announcements', oldId, row, 'content', 10_000) ?? '';
    const data = { content, active: boolOf(row.is_active, true), allowGuest: boolOf(row.allow_guest, false) };
    const published = decided('kirogate.announcement.published', `announcement/${id}`, data);
    const events = [{ ...published, at: planning.dateOf('announcements', oldId, row.created_at) }];
    planning.rows.push({ table: 'announcements', become: () => ({ events, secrets: {} }) });
    report.count('announcements', 'imported');
  }
}
