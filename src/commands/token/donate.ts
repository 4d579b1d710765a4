/** A credential joins the pool. Its upstream has parsed it; the secret goes to the vault and nowhere else. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { memberOf } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id, models, optionalText } from '../fields.js';
import { loadUser, type UserState } from '../user/state.js';
import { fingerprintTaken, insertCredential } from './credentials.js';
import { countTokensOf } from './state.js';

/** The upstream is asked nothing at donation: without a bound a member could fill the pool with made-up credentials. */
const MAX_TOKENS_OF_A_MEMBER = 500;

/** A daily cap of 0 would be a token that never serves; that is what pausing is for. */
export const dailyCap = z.int().min(1).max(1_000_000_000);

interface State {
  readonly owner: UserState | undefined;
  readonly owned: number;
  readonly known: boolean;
}

const inPoolAlready = (): AppError =>
  new AppError('conflict', { message: 'This credential is in the pool already.', extra: { reason: 'in_pool_already' } });

/** Refuses with `conflict` when this credential is in the pool already. */
export const donateToken = defineCommand({
  name: 'token.donate',
  summary: 'Give a credential to the pool.',
  input: z.strictObject({
    /** null: belongs to the site. */
    ownerId: id.nullable(),
    visibility: z.enum(['public', 'private']),
    provider: z.string().min(1).max(50),
    name: optionalText(100).nullable().default(null),
    dailyCap: dailyCap.nullable().default(null),
    allowedModels: models.nullable().default(null),
    /** What `Upstream.parseCredential` answered. */
    credential: z.object({
      authType: z.string().min(1).max(50),
      secret: z.record(z.string(), z.unknown()).readonly(),
      fingerprint: z.string().min(1).max(200),
      region: z.string().max(50).nullable(),
    }),
  }),
  load: async (tx, input): Promise<State> => ({
    owner: input.ownerId === null ? undefined : await loadUser(tx, input.ownerId),
    owned: input.ownerId === null ? 0 : await countTokensOf(tx, input.ownerId),
    known: await fingerprintTaken(tx, input.credential.fingerprint),
  }),
  decide({ owner, owned, known }, input, context) {
    const { ownerId, visibility, provider, name, dailyCap: cap, allowedModels } = input;
    const member = memberOf(context.actor);
    if (member !== null && member !== ownerId) throw new AppError('forbidden');
    if (ownerId !== null && owner === undefined) throw new AppError('not_found', { message: 'There is no such user.', param: 'userId' });
    if (visibility === 'private' && ownerId === null) {
      throw new AppError('invalid_request', {
        message: 'A private token needs an owner.',
        param: 'userId',
        extra: { reason: 'owner_needed' },
      });
    }
    if (known) throw inPoolAlready();
    if (member !== null && owned >= MAX_TOKENS_OF_A_MEMBER) {
      const message = `A member has at most ${MAX_TOKENS_OF_A_MEMBER} tokens; remove one first.`;
      throw new AppError('conflict', { message, extra: { reason: 'too_many_tokens' } });
    }
    const { authType, region } = input.credential;
    const tokenId = context.ids.short();
    const donated = { name: name === '' ? null : name, dailyCap: cap, allowedModels, ownerId, visibility, provider, authType, region };
    return { events: [decided('kirogate.token.donated', `token/${tokenId}`, donated)], result: { id: tokenId } };
  },
  async secrets(tx, { credential }, { id: tokenId }, { vault }) {
    const { authType, fingerprint, secret } = credential;
    const stored = await insertCredential(tx, vault, { tokenId, authType, fingerprint, secret });
    if (!stored) throw inPoolAlready();
  },
});
