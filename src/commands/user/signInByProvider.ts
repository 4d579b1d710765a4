/** Somebody comes from GitHub or an OIDC issuer: they are a member already, become one, or add this way in to their account. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { containing } from '../../projections/page.js';
import type { Settings } from '../../shared/settings.js';
import { loadSettings } from '../config/state.js';
import { decided, defineCommand } from '../define.js';
import { id, requiredText } from '../fields.js';
import { findIdentity, identitiesOf, identityProvider, insertIdentity } from './identities.js';
import { email, readPasswordHash } from './passwords.js';
import { loadUser, type UserState } from './state.js';

interface State {
  /** Who signs in by this identity. */
  readonly known: UserState | undefined;
  /** The signed-in member who asked for one more way in. */
  readonly linking: UserState | undefined;
  /** Whose address the provider vouches for. */
  readonly addressee: UserState | undefined;
  /** Has the addressee another way to sign in? */
  readonly addresseeHasOther: boolean;
  readonly username: string;
  readonly settings: Settings;
}

interface Result {
  readonly userId: string;
  readonly sessionVersion: number;
  /** Write the identity down. */
  readonly link: boolean;
}

/**
 * The caller has verified the provider's answer. Refuses with `user_banned`, `sign_up_closed`, `conflict` (`email`: the
 * address is that of an account with another way in; `identity`: somebody else signs in by this one), `unauthenticated`
 * (the session that asked for the link is over).
 */
export const signInByProvider = defineCommand({
  name: 'user.signInByProvider',
  summary: 'Sign in, or up, by GitHub or OIDC.',
  input: z.strictObject({
    provider: identityProvider,
    /** See `identityOf`. */
    identity: z.string().regex(/^[0-9a-f]{64}$/),
    /** Only one that the provider has verified: an unproved address would let anybody take another's. */
    email: email.nullable(),
    username: requiredText(80),
    link: z.strictObject({ userId: id, sessionVersion: z.int() }).nullable().default(null),
  }),
  async load(tx, input, context): Promise<State> {
    const knownId = await findIdentity(tx, input.identity);
    const addresseeId = input.email === null ? undefined : await userWithEmail(tx, input.email);
    return {
      known: knownId === undefined ? undefined : await loadUser(tx, knownId),
      linking: input.link === null ? undefined : await loadUser(tx, input.link.userId),
      addressee: addresseeId === undefined ? undefined : await loadUser(tx, addresseeId),
      addresseeHasOther: addresseeId !== undefined && (await hasWayIn(tx, addresseeId)),
      username: await freeUsername(tx, input.username),
      settings: (await loadSettings(tx, context.defaults)).merged,
    };
  },
  decide(state: State, input, context) {
    const { known, linking, addressee } = state;
    if (input.link !== null) {
      if (linking === undefined || linking.status === 'banned' || linking.sessionVersion !== input.link.sessionVersion) {
        throw new AppError('unauthenticated');
      }
      if (known !== undefined && known.id !== linking.id) {
        throw new AppError('conflict', { message: 'Another account signs in by this one already.', param: 'identity' });
      }
      return enter(linking, known === undefined, input.provider);
    }
    if (known !== undefined) return enter(known, false, input.provider);
    if (addressee !== undefined) {
      // An account that an admin made and nobody has entered yet: the provider vouches that this is whom it was made for.
      if (!state.addresseeHasOther) return enter(addressee, true, input.provider);
      throw new AppError('conflict', { message: 'This e-mail address has an account already; sign in there and link it.', param: 'email' });
    }
    if (state.settings.self_use_enabled) throw new AppError('sign_up_closed');
    const userId = context.ids.short();
    const status = state.settings.require_approval ? ('pending' as const) : ('active' as const);
    const registered = { username: state.username, email: input.email, status, via: input.provider };
    const result: Result = { userId, sessionVersion: 1, link: true };
    return {
      events: [decided('kirogate.user.registered', `user/${userId}`, registered, `user/${userId}`), signedIn(userId, input.provider)],
      result,
    };
  },
  async secrets(tx, { identity, provider }, { userId, link }, { now }) {
    if (link) await insertIdentity(tx, { identity, provider, userId, now });
  },
});

function signedIn(userId: string, method: z.output<typeof identityProvider>) {
  return decided('kirogate.user.signed-in', `user/${userId}`, { method }, `user/${userId}`);
}

function enter(user: UserState, link: boolean, provider: z.output<typeof identityProvider>) {
  if (user.status === 'banned') throw new AppError('user_banned');
  const result: Result = { userId: user.id, sessionVersion: user.sessionVersion, link };
  return { events: [signedIn(user.id, provider)], result };
}

async function userWithEmail(tx: Queryable, address: string): Promise<string | undefined> {
  const rows = await tx.query<{ id: string }>(sql`select id from users where email = ${address} order by created_at, id limit 1`);
  return rows[0]?.id;
}

async function hasWayIn(tx: Queryable, userId: string): Promise<boolean> {
  return (await readPasswordHash(tx, userId)) !== null || (await identitiesOf(tx, userId)).length > 0;
}

/** The name itself, or with the first number that nobody has. */
async function freeUsername(tx: Queryable, wanted: string): Promise<string> {
  const alike = `${containing(wanted).slice(1, -1)}-%`;
  const rows = await tx.query<{ username: string }>(
    sql`select username from users where username = ${wanted} or username like ${alike} escape '\\'`,
  );
  const taken = new Set(rows.map((row) => row.username));
  if (!taken.has(wanted)) return wanted;
  let number = 2;
  while (taken.has(`${wanted}-${number}`)) number += 1;
  return `${wanted}-${number}`;
}
