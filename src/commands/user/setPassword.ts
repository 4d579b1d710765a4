/** A member gets a new password, by an admin or by themselves; every session of before ends. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import type { Queryable } from '../../infra/database/port.js';
import { requireOwner, requireStaff } from '../actor.js';
import { type Decided, decided, defineCommand } from '../define.js';
import { id } from '../fields.js';
import { password, readPasswordHash, writePasswordHash } from './passwords.js';
import { loadUser, type UserState } from './state.js';

interface Result {
  /** What sessions of from now on carry. */
  readonly sessionVersion: number;
}

/** An admin's: for who has lost the old one, or never had one that works. */
export const setUserPassword = defineCommand({
  name: 'user.setPassword',
  summary: 'Give a member a new password and end their sessions.',
  input: z.strictObject({ userId: id, password }),
  prepare: (input, { passwords }) => passwords.hash(input.password),
  load: (tx, input) => loadUser(tx, input.userId),
  decide(user: UserState | undefined, _input, context) {
    requireStaff(context);
    if (user === undefined) throw new AppError('not_found');
    return changed(user, 'admin');
  },
  secrets: (tx, input, _result, { prepared }) => writePasswordHash(tx, input.userId, prepared),
});

interface State {
  readonly user: UserState | undefined;
  readonly hash: string | null;
}

/**
 * The caller has verified the old password against `verified`, the hash as it was then. Refuses with `conflict` when another
 * one took its place meanwhile, with `user_banned`.
 */
export const changeOwnPassword = defineCommand({
  name: 'user.changePassword',
  summary: 'Change the own password and end the other sessions.',
  input: z.strictObject({ userId: id, password, verified: z.string() }),
  prepare: (input, { passwords }) => passwords.hash(input.password),
  load: async (tx: Queryable, input): Promise<State> => ({
    user: await loadUser(tx, input.userId),
    hash: await readPasswordHash(tx, input.userId),
  }),
  decide({ user, hash }: State, input, context) {
    requireOwner(context, input.userId);
    if (user === undefined) throw new AppError('not_found');
    if (user.status === 'banned') throw new AppError('user_banned');
    if (hash !== input.verified)
      throw new AppError('conflict', { message: 'The password was changed meanwhile.', extra: { reason: 'password_changed' } });
    return changed(user, 'member');
  },
  secrets: (tx, input, _result, { prepared }) => writePasswordHash(tx, input.userId, prepared),
});

function changed({ id: userId, sessionVersion: from }: UserState, by: 'admin' | 'member'): { events: Decided[]; result: Result } {
  const subject = `user/${userId}`;
  const to = from + 1;
  return {
    events: [decided('kirogate.user.password-changed', subject, { by }), decided('kirogate.user.sessions-revoked', subject, { from, to })],
    result: { sessionVersion: to },
  };
}
