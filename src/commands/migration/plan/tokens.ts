/** Old credentials as tokens: opened, judged as a donation is, and sealed anew. */
import { hash } from 'node:crypto';
import { AppError } from '../../../errors.js';
import { safeText } from '../../../shared/safeText.js';
import type { ParsedCredential } from '../../../upstreams/define.js';
import { decided } from '../../define.js';
import { MigrationFault } from '../fault.js';
import { exactText, idOf, type OldRow, rowName, textOf } from '../old/values.js';
import type { PlannedEvent, Planning } from '../plan.js';

export function* planTokens(planning: Planning): Generator<void> {
  const rows = planning.old.tables.get('tokens') ?? [];
  const sealed = rows.filter((row) => exactText(row.refresh_token_encrypted) !== null);
  let opened = 0;
  for (const row of rows) {
    yield;
    if (planToken(planning, row)) opened += 1;
  }
  if (sealed.length > 0 && opened === 0) {
    const reason = `none of the ${sealed.length} secrets opens: give the TOKEN_ENCRYPT_KEY of the old installation`;
    throw new MigrationFault('tokens', reason);
  }
}

/** True: its secret could be opened. */
function planToken(planning: Planning, row: OldRow): boolean {
  const { report, known, here, keep } = planning;
  const oldId = idOf(row.id);
  if (oldId === null) {
    report.passOver('tokens', rowName(row), 'has no usable id');
    return false;
  }
  const clear = openAll(planning, row);
  if (clear === null) {
    report.passOver('tokens', oldId, 'the secret cannot be decrypted with any key at hand');
    return false;
  }
  const ownerId = planning.users.get(idOf(row.user_id) ?? '');
  if (ownerId === undefined) {
    report.passOver('tokens', oldId, `orphan: there is no user ${idOf(row.user_id) ?? ''}`.trim());
    return true;
  }
  const fingerprint = hash('sha256', clear.refreshToken, 'hex');
  const natural = `hash:${fingerprint}`;
  const matched = known.tokenByFingerprint(fingerprint) ?? here('token', natural);
  if (matched?.startsWith('ext-')) {
    report.passOver('tokens', oldId, 'a caller brings this credential along with its requests here: it belongs to nobody');
    return true;
  }
  if (matched !== undefined) {
    report.count('tokens', 'matched');
    keep('token', natural, matched);
    return true;
  }
  const credential = parse(planning, oldId, row, clear);
  if (credential === null) return true;
  if (textOf(row.token_hash, 100)?.toLowerCase() !== fingerprint) {
    report.note('tokens', oldId, 'the stored hash is not that of the secret; the secret counts');
  }
  const id = planning.idFor('token', 'tokens', oldId);
  keep('token', natural, id);
  const at = planning.dateOf('tokens', oldId, row.created_at);
  const donated = {
    name: null,
    dailyCap: null,
    allowedModels: null,
    ownerId,
    visibility: textOf(row.visibility, 20) === 'public' ? ('public' as const) : ('private' as const),
    provider: 'kiro',
    authType: credential.authType,
    region: credential.region,
  };
  const events: PlannedEvent[] = [{ ...decided('kirogate.token.donated', `token/${id}`, donated), at }, ...standing(planning, id, row)];
  planning.rows.push({ table: 'tokens', become: () => ({ events, secrets: { credential: { tokenId: id, credential } } }) });
  report.count('tokens', 'imported');
  return true;
}

interface Clear {
  readonly refreshToken: string;
  readonly clientId: string | null;
  readonly clientSecret: string | null;
}

function openAll({ tools }: Planning, row: OldRow): Clear | null {
  const open = (value: unknown): string | null => {
    const sealed = exactText(value);
    return sealed === null ? null : tools.secrets.open(sealed);
  };
  const refreshToken = open(row.refresh_token_encrypted)?.trim() ?? null;
  const [clientId, clientSecret] = [open(row.client_id_encrypted), open(row.client_secret_encrypted)];
  const closed = (value: unknown, clear: string | null): boolean => exactText(value) !== null && clear === null;
  if (refreshToken === null || closed(row.client_id_encrypted, clientId) || closed(row.client_secret_encrypted, clientSecret)) return null;
  return { refreshToken, clientId, clientSecret };
}

function authTypeOf(row: OldRow): string {
  return textOf(row.auth_type, 50)?.toLowerCase() ?? 'social';
}

function parse({ tools, report }: Planning, oldId: string, row: OldRow, clear: Clear): ParsedCredential | null {
  try {
    return tools.parseCredential({
      authType: authTypeOf(row),
      refreshToken: clear.refreshToken,
      clientId: clear.clientId ?? undefined,
      clientSecret: clear.clientSecret ?? undefined,
      region: textOf(row.region, 50) ?? tools.region,
      profileArn: textOf(row.profile_arn, 2_000) ?? undefined,
    });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    report.passOver('tokens', oldId, `not a usable credential: ${safeText(error.message, 200)}`);
    return null;
  }
}

/**
 * Old releases lost the client registration of IdC credentials on their way and then called them invalid: those are not believed.
 * They wait, as after failures, for the health check that ends such a suspension.
 */
function standing({ tools, report }: Planning, id: string, row: OldRow): PlannedEvent[] {
  const status = textOf(row.status, 30)?.toLowerCase() ?? 'active';
  const previous = { status: 'active' as const, reason: null, until: null };
  const at = tools.now;
  const suspended = (reason: 'failures' | 'admin' | 'upstream', message: string): PlannedEvent[] => [
    { ...decided('kirogate.token.suspended', `token/${id}`, { reason, until: null, message, previous }), at },
  ];
  if (status === 'active') return [];
  if (status === 'paused' || status === 'disabled') return suspended('admin', `was ${status} in the old installation`);
  if (status === 'banned') return suspended('upstream', 'was banned in the old installation');
  if (status === 'invalid' && authTypeOf(row) === 'social') {
    const message = 'was invalid in the old installation';
    return [{ ...decided('kirogate.token.invalidated', `token/${id}`, { message, previous }), at }];
  }
  report.recheck(id);
  return suspended('failures', `was ${status} in the old installation; waits for a health check`);
}
