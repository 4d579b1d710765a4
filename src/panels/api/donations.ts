/** What admin, member and script share when they give a credential, or say how it may be used. */
import { z } from 'zod';
import type { CommandMeta } from '../../commands/define.js';
import { changeTokenLimits } from '../../commands/token/changeLimits.js';
import { changeTokenVisibility } from '../../commands/token/changeVisibility.js';
import { dailyCap, donateToken } from '../../commands/token/donate.js';
import { AppError } from '../../errors.js';
import type { Upstream } from '../../upstreams/define.js';
import type { PanelContext } from './deps.js';
import { models, optionalText } from './fields.js';
import { type TokenItem, tokenItems } from './tokens.js';

const secretText = z.string().max(20_000).optional();

/** A donation. What belongs to the credential is judged by its upstream, which names the field at fault. */
export const donation = z.strictObject({
  provider: z.string().max(50),
  authType: z.string().max(50).optional(),
  refreshToken: secretText,
  clientId: secretText,
  clientSecret: secretText,
  apiKey: secretText,
  region: z.string().max(50).optional(),
  apiRegion: z.string().max(50).optional(),
  profileArn: z.string().max(500).optional(),
  baseUrl: z.string().max(500).optional(),
  models: models.optional(),
  visibility: z.enum(['public', 'private']),
  name: optionalText(100).nullable().optional(),
  dailyCap: dailyCap.nullable().optional(),
  allowedModels: models.nullable().optional(),
});

/** Answers the new token's id. Throws `invalid_request` with the field, `conflict` when the credential is in the pool already. */
export async function donate(
  given: z.output<typeof donation>,
  ownerId: string | null,
  meta: CommandMeta,
  { upstreams, commands }: Pick<PanelContext, 'upstreams' | 'commands'>,
): Promise<string> {
  const { provider, visibility, name, dailyCap: cap, allowedModels, ...credentialFields } = given;
  const upstream = upstreams.get(provider);
  if (!upstream) {
    const message = `provider must be one of ${[...upstreams.keys()].join(', ')}.`;
    throw new AppError('invalid_request', { message, param: 'provider', extra: { reason: 'unknown_provider' } });
  }
  const credential = upstream.parseCredential(credentialFields);
  const optional = { name: name ?? null, dailyCap: cap ?? null, allowedModels: modelIds(allowedModels ?? null, upstream) };
  return (await commands.execute(donateToken, { ownerId, visibility, provider, ...optional, credential }, meta)).id;
}

/** The upstream's own ids: that is how the limits match them. Throws `invalid_request` for a name that the upstream cannot have. */
function modelIds(names: readonly string[] | null, upstream: Upstream): string[] | null {
  if (names === null) return null;
  const ids = names.map((name, index) => {
    const id = upstream.resolveModel(name)?.id;
    if (id === undefined) {
      const message = `${JSON.stringify(name)} is no model of ${upstream.provider}.`;
      throw new AppError('invalid_request', { message, param: `allowedModels[${index}]`, extra: { reason: 'not_model' } });
    }
    return id;
  });
  return [...new Set(ids)];
}

/** Names of models for a key, each once and as it was given. Throws `invalid_request` for a name that no upstream can have. */
export function knownModels(names: readonly string[], { upstreams }: Pick<PanelContext, 'upstreams'>): string[] {
  for (const [index, name] of names.entries()) {
    if ([...upstreams.values()].some((upstream) => upstream.resolveModel(name) !== null)) continue;
    throw new AppError('invalid_request', { message: `${JSON.stringify(name)} is no model.`, param: `allowedModels[${index}]` });
  }
  return [...new Set(names)];
}

export const tokenPatch = z.strictObject({
  visibility: z.enum(['public', 'private']).optional(),
  name: optionalText(100).nullable().optional(),
  dailyCap: dailyCap.nullable().optional(),
  allowedModels: models.nullable().optional(),
});

type TokenPatch = z.output<typeof tokenPatch>;

function named(patch: TokenPatch, provider: string | undefined, { upstreams }: Pick<PanelContext, 'upstreams'>): TokenPatch {
  const upstream = upstreams.get(provider ?? '');
  return upstream === undefined || patch.allowedModels == null
    ? patch
    : { ...patch, allowedModels: modelIds(patch.allowedModels, upstream) };
}

/** Changes what is named and answers the token as it is then. */
export async function patchToken(tokenId: string, patch: TokenPatch, meta: CommandMeta, context: PanelContext): Promise<TokenItem> {
  const { visibility, ...limits } = named(patch, context.directory.token(tokenId)?.provider, context);
  if (visibility !== undefined) await context.commands.execute(changeTokenVisibility, { tokenId, visibility }, meta);
  if (Object.keys(limits).length > 0) await context.commands.execute(changeTokenLimits, { tokenId, ...limits }, meta);
  const token = context.directory.token(tokenId);
  const [item] = token ? await tokenItems([token], context) : [];
  if (!item) throw new AppError('not_found');
  return item;
}
