/** The pool as the admin sees and changes it. */
import { z } from 'zod';
import { pauseTokens } from '../../../commands/token/pauseMany.js';
import { removeToken } from '../../../commands/token/remove.js';
import { resumeToken } from '../../../commands/token/resume.js';
import { suspendToken } from '../../../commands/token/suspend.js';
import { AppError } from '../../../errors.js';
import { riskHistory, tokenHealthOf } from '../../../projections/tokenHealthQueries.js';
import { defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';
import { donate, donation, patchToken, tokenPatch } from '../donations.js';
import { filterText, flag, id, iso, listOf, paging, time } from '../fields.js';
import { metaOf } from '../meta.js';
import { riskOf, type TokenItem, tokenItem, tokenItems, tokenStatus } from '../tokens.js';
import { countRisky, listTokens, riskiestTokens, tokenSorts } from './tokenList.js';

const changed = z.strictObject({ changed: z.boolean() });

/** Curves of 96 points: those of a pool of 30,000 tokens would be 150 MB. */
const mostCurves = 100;

/** With the owner's name, which the pool page shows. */
const adminToken = tokenItem.extend({ userName: z.string().nullable() });

function withOwner(item: TokenItem, { directory }: PanelContext): z.input<typeof adminToken> {
  return { ...item, userName: item.userId === null ? null : (directory.user(item.userId)?.username ?? null) };
}

/** Tokens in service whose live risk is above the threshold: each is asked, also one whose first requests have not ended yet. */
async function riskyTokens(context: PanelContext): Promise<string[]> {
  const active = [...context.directory.tokens()].filter((token) => token.status === 'active').map((token) => token.id);
  const uses = await context.limits.tokenUse(active);
  return uses.filter((use) => riskOf(use, context) > context.riskThreshold).map((use) => use.tokenId);
}

export const adminTokenRoutes = [
  defineRoute({
    method: 'post',
    path: '/admin/api/tokens',
    access: 'admin',
    summary: 'Put a credential into the pool, for the site or for a member.',
    status: 201,
    body: donation.extend({ userId: id.nullable().optional() }),
    response: z.strictObject({ id: z.string() }),
    async handle(request, context) {
      const { userId, ...given } = request.body;
      return { body: { id: await donate(given, userId ?? null, metaOf(request), context) } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/tokens',
    access: 'admin',
    summary: 'Tokens with their live figures; `q` looks into name, id, region and owner.',
    status: 200,
    query: z.strictObject({
      q: filterText,
      provider: filterText,
      visibility: z.enum(['public', 'private']).optional(),
      userId: filterText,
      status: tokenStatus.optional(),
      statusReason: z.enum(['failures', 'upstream', 'admin', 'credits']).optional(),
      highRisk: flag.optional(),
      sort: z.enum(tokenSorts).default('newest'),
      ...paging,
    }),
    response: listOf(adminToken),
    async handle({ query }, context) {
      const { tokens, nextCursor } = await listTokens(query, context);
      return { body: { items: (await tokenItems(tokens, context)).map((item) => withOwner(item, context)), nextCursor } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/tokens/risky',
    access: 'admin',
    summary: 'How many tokens `batch-pause-risky` would pause now, as far as their requests have ended.',
    status: 200,
    response: z.strictObject({ count: z.int(), threshold: z.number() }),
    handle: async (_request, context) => ({
      body: { count: await countRisky(context), threshold: context.riskThreshold },
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/tokens/batch-pause-risky',
    access: 'admin',
    summary: 'Pause every token whose risk is high.',
    status: 200,
    response: z.strictObject({ paused: z.array(z.string()) }),
    async handle(request, context) {
      const risky = await riskyTokens(context);
      const paused: string[] = [];
      for (let at = 0; at < risky.length; at += 5_000) {
        const result = await context.commands.execute(pauseTokens, { ids: risky.slice(at, at + 5_000) }, metaOf(request));
        paused.push(...result.paused);
      }
      return { body: { paused } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/tokens/risk-history',
    access: 'admin',
    summary: 'How the risk of a token went over the last hours (1–24); without `tokenId` that of the 100 riskiest now.',
    status: 200,
    query: z.strictObject({
      hours: z
        .string()
        .regex(/^([1-9]|1\d|2[0-4])$/, 'must be a whole number from 1 to 24')
        .transform(Number)
        .default(24)
        .meta({ type: 'integer', minimum: 1, maximum: 24, default: 24 }),
      tokenId: id.optional(),
    }),
    response: z.strictObject({
      series: z.array(z.strictObject({ tokenId: z.string(), points: z.array(z.strictObject({ at: time, riskScore: z.number() })) })),
    }),
    async handle({ query }, context) {
      const { db, directory, clock } = context;
      const { token_rpm_limit: rpmLimit, token_rph_limit: rphLimit } = directory.settings();
      const tokenIds = query.tokenId === undefined ? await riskiestTokens(mostCurves, context) : [query.tokenId];
      const createdAt = (tokenId: string): number | undefined => directory.token(tokenId)?.createdAt;
      const series = await riskHistory(db, { hours: query.hours, tokenIds, now: clock.now(), rpmLimit, rphLimit, createdAt });
      return {
        body: {
          series: series.map(({ tokenId, points }) => ({ tokenId, points: points.map((point) => ({ ...point, at: iso(point.at) })) })),
        },
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/tokens/:id',
    access: 'admin',
    summary: 'One token with its live figures and what became of all attempts on it.',
    status: 200,
    response: adminToken.extend({
      attempts: z.int(),
      successes: z.int(),
      /** Those that count against the token. */
      failures: z.int(),
      lastResult: z.enum(['success', 'failure']).nullable(),
      lastFailure: z.string().nullable(),
      /** Risk above it is high. */
      riskThreshold: z.number(),
    }),
    async handle({ params: { id: tokenId } }, context) {
      const token = context.directory.token(tokenId);
      const [item] = token ? await tokenItems([token], context) : [];
      if (!item) throw new AppError('not_found');
      const health = (await tokenHealthOf(context.db, [tokenId])).get(tokenId);
      const { attempts = 0, successes = 0, failures = 0, lastResult = null, lastFailure = null } = health ?? {};
      const { riskThreshold } = context;
      return { body: { ...withOwner(item, context), attempts, successes, failures, lastResult, lastFailure, riskThreshold } };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/admin/api/tokens/:id',
    access: 'admin',
    summary: 'Change name, visibility, daily cap or models of a token.',
    status: 200,
    body: tokenPatch,
    response: tokenItem,
    handle: async (request, context) => ({ body: await patchToken(request.params.id, request.body, metaOf(request), context) }),
  }),
  defineRoute({
    method: 'delete',
    path: '/admin/api/tokens/:id',
    access: 'admin',
    summary: 'Take a token out of the pool and delete its secret.',
    status: 204,
    async handle(request, { commands }) {
      await commands.execute(removeToken, { tokenId: request.params.id }, metaOf(request));
      return {};
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/tokens/:id/pause',
    access: 'admin',
    summary: 'Take a token out of service until an admin resumes it.',
    status: 200,
    response: changed,
    async handle(request, { commands }) {
      const { changed: done } = await commands.execute(suspendToken, { tokenId: request.params.id, reason: 'admin' }, metaOf(request));
      return { body: { changed: done } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/tokens/:id/resume',
    access: 'admin',
    summary: 'Put a token back into service; its failures and cooling are forgotten.',
    status: 200,
    response: changed,
    async handle(request, { commands, limits }) {
      const tokenId = request.params.id;
      const { changed: done } = await commands.execute(resumeToken, { tokenId, cause: 'admin' }, metaOf(request));
      // A token that only cools has no state to resume, and its failures are to be forgotten all the same.
      await limits.resetToken(tokenId);
      return { body: { changed: done } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/tokens/:id/check',
    access: 'admin',
    summary: 'Refresh the credential and read plan and limits; never spends a completion.',
    status: 200,
    response: z.strictObject({ ok: z.boolean(), failure: z.string().nullable(), message: z.string().nullable() }),
    async handle({ params, caller }, { checkToken }) {
      const { ok, failure, message } = await checkToken(params.id, caller.actor);
      return { body: { ok, failure, message } };
    },
  }),
];
