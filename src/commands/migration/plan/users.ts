/** Old users as members, with their quotas and password hashes. */
import { decided } from '../../define.js';
import { accountsOf, type OldAccount, unusableAccounts } from '../old/accounts.js';
import { boolOf, countOf, emailOf, exactText, idOf, isFilled, type OldRow, rowName, shown, textOf, timeOf } from '../old/values.js';
import type { Becoming, PlannedEvent, Planning } from '../plan.js';

interface OldUser {
  readonly id: string;
  readonly row: OldRow;
  readonly email: string | null;
  readonly createdAt: number | null;
  /** By which the same row is known again. */
  readonly natural: string;
  readonly accounts: readonly OldAccount[];
}

export function* planUsers(planning: Planning): Generator<void> {
  const quotas = new Map((planning.old.tables.get('user_quotas') ?? []).map((row) => [idOf(row.user_id), row]));
  for (const row of planning.old.tables.get('users') ?? []) {
    yield;
    const user = readUser(row);
    if (user === null) planning.report.passOver('users', rowName(row), 'has no usable id');
    else planUser(planning, user, quotas.get(user.id));
  }
  for (const [userId] of quotas) {
    if (userId === null || !planning.users.has(userId))
      planning.report.passOver('user_quotas', userId ?? '?', 'orphan: there is no such user');
  }
}

function readUser(row: OldRow): OldUser | null {
  const id = idOf(row.id);
  if (id === null) return null;
  const email = emailOf(row);
  const createdAt = timeOf(row.created_at);
  // Two old installations both have a user 1: the moment of the sign-up tells them apart.
  return { id, row, email, createdAt, natural: `old:${id}:${createdAt ?? textOf(row.username, 100) ?? ''}`, accounts: accountsOf(row) };
}

function planUser(planning: Planning, user: OldUser, quota: OldRow | undefined): void {
  const { known, report, users } = planning;
  const matched = matchOf(planning, user);
  if (matched !== undefined) {
    users.set(user.id, matched);
    report.count('users', 'matched');
    if (quota) report.count('user_quotas', 'matched');
    if (known.remembered('user', user.natural) === undefined) tellMatch(planning, user, matched);
    rememberUser(planning, user, matched);
    return;
  }
  const id = planning.idFor('user', 'users', user.id);
  users.set(user.id, id);
  rememberUser(planning, user, id);
  const judged = judge(planning, user);
  const quotas = quota ? quotaEvents(planning, user, id, quota) : [];
  const { now } = planning.tools;
  const become = (): Becoming => {
    const { events, secrets } = becomes(user, judged, id, now);
    return { events: [...events, ...quotas], secrets };
  };
  planning.rows.push({ table: 'users', become });
  report.count('users', 'imported');
}

/** By what an earlier run noted, by who signs in here by the account elsewhere, by mailbox; of the rows before it in this file too. */
function matchOf({ known, here }: Planning, { natural, accounts, email }: OldUser): string | undefined {
  const first = (ask: (account: OldAccount) => string | undefined): string | undefined => accounts.map(ask).find((id) => id !== undefined);
  const byEmail = email === null ? undefined : known.userByEmail(email);
  return (
    here('user', natural) ??
    first(({ identity }) => known.userByIdentity(identity)) ??
    byEmail ??
    first((account) => here('user', account.natural))
  );
}

/** Who was here before keeps the ways in that they have: the old file's word alone gives nobody another one. */
function tellMatch({ known, here, report }: Planning, { id, accounts }: OldUser, matched: string): void {
  if (matched !== id) report.mapped('users', id, matched);
  const isTheirs = ({ identity, natural }: OldAccount): boolean =>
    known.userByIdentity(identity) === matched || here('user', natural) === matched;
  if (!accounts.every(isTheirs)) report.note('users', id, 'is a member here already; the sign-in by GitHub or LinuxDo is theirs to link');
}

function rememberUser({ keep }: Planning, { natural, accounts }: OldUser, id: string): void {
  for (const one of [natural, ...accounts.map((account) => account.natural)]) keep('user', one, id);
}

/** What is taken of a row, with all that is to be told of it told. */
interface Judged {
  readonly username: string;
  readonly email: string | null;
  /** ms */
  readonly at: number;
  /** null: none, or one that opens to no password. */
  readonly hash: string | null;
}

function judge(planning: Planning, user: OldUser): Judged {
  const { report, tools } = planning;
  const { row } = user;
  const username = planning.text('users', user.id, row, 'username', 100) ?? `user ${user.id}`;
  const email = emailFor(planning, user);
  for (const column of unusableAccounts(row))
    report.note('users', user.id, `its ${column} is longer than 100 characters or broken: that way in does not come`);
  const at = planning.dateOf('users', user.id, row.created_at);
  if (boolOf(row.is_admin, false)) report.note('users', user.id, 'was an admin there; admins sign in with the admin password here');
  const hash = exactText(row.password_hash);
  const opens = hash !== null && tools.isPasswordRecord(hash);
  if (hash !== null && !opens)
    report.note('users', user.id, 'the password hash is malformed: the member is kept and needs a new password, which an admin sets');
  return { username, email, at, hash: opens ? hash : null };
}

function becomes({ row, accounts }: OldUser, { username, email, at, hash }: Judged, id: string, now: number): Becoming {
  const approval = textOf(row.approval_status, 20)?.toLowerCase() ?? 'approved';
  const status: 'active' | 'pending' = approval === 'approved' || approval === 'active' ? 'active' : 'pending';
  const rejected = approval === 'rejected' || approval === 'denied';
  const registered = { username, email, status, via: viaOf(row) };
  const events: PlannedEvent[] = [{ ...decided('kirogate.user.registered', `user/${id}`, registered), at }];
  if (boolOf(row.is_banned, false) || rejected) {
    const reason = rejected ? 'rejected in the old installation' : 'banned in the old installation';
    events.push({ ...decided('kirogate.user.banned', `user/${id}`, { from: status, to: 'banned', reason }), at: now });
  }
  const identities = accounts.map(({ identity, provider }) => ({ identity, provider, userId: id, linkedAt: now }));
  return { events, secrets: hash === null ? { identities } : { identities, password: { userId: id, hash } } };
}

/** One mailbox, one account: of two rows that differ in case only the first keeps it. */
function emailFor(planning: Planning, { id, email, row }: OldUser): string | null {
  if (email === null) {
    if (isFilled(row.email))
      planning.report.note('users', id, 'its e-mail address is longer than 254 characters or broken: the member is kept without');
    return null;
  }
  if (planning.emails.has(email)) {
    planning.report.note('users', id, 'another row has the same e-mail address; this one is kept without');
    return null;
  }
  planning.emails.add(email);
  return email;
}

function viaOf(row: OldRow): 'password' | 'github' | 'oidc' | 'admin' {
  if (exactText(row.password_hash) !== null) return 'password';
  if (isFilled(row.github_id)) return 'github';
  return isFilled(row.linuxdo_id) ? 'oidc' : 'admin';
}

const MOST_QUOTA = 1_000_000_000;

/** A figure equal to the site's own is the default, which follows later changes; the old tables wrote it out for everybody. */
function quotaEvents({ known, tools, report }: Planning, user: OldUser, id: string, row: OldRow): PlannedEvent[] {
  report.count('user_quotas', 'imported');
  const { default_user_daily_quota: daily, default_user_monthly_quota: monthly } = known.settings;
  const own = (name: 'daily_quota' | 'monthly_quota', site: number): number | null => {
    const value = row[name];
    const count = countOf(value);
    if (count !== null && count <= MOST_QUOTA) return count === site ? null : count;
    if (value !== null && value !== undefined && value !== '')
      report.note(
        'user_quotas',
        user.id,
        `${name} ${shown(value)} is no number from 0 to ${MOST_QUOTA}: the site's ${site} counts, as for others`,
      );
    return null;
  };
  const to = { daily: own('daily_quota', daily), monthly: own('monthly_quota', monthly) };
  if (to.daily === null && to.monthly === null) return [];
  const data = { from: { daily: null, monthly: null }, to };
  return [{ ...decided('kirogate.user.quota-changed', `user/${id}`, data), at: tools.now }];
}
