/** Looks at one credential as the health check does: refresh, plan and limits, never a completion. Records what it found. */

import type { Commands } from '../commands/define.js';
import { invalidateToken } from '../commands/token/invalidate.js';
import { recordTokenCheck } from '../commands/token/recordCheck.js';
import { suspendToken } from '../commands/token/suspend.js';
import { AppError } from '../errors.js';
import type { Directory } from '../projections/directory.js';
import type { Clock } from '../shared/clock.js';
import { safeText } from '../shared/safeText.js';
import { type CredentialCheck, type Upstream, UpstreamFailure } from '../upstreams/define.js';
import type { Upstreams } from '../upstreams/index.js';
import type { Access } from './access.js';

export interface CheckOutcome {
  readonly ok: boolean;
  /** FailureKind, or null. */
  readonly failure: string | null;
  readonly message: string | null;
}

export interface CheckDeps {
  readonly access: Access;
  readonly commands: Commands;
  readonly directory: Directory;
  readonly upstreams: Upstreams;
  readonly clock: Clock;
}

const CHECK_TIMEOUT_MS = 60_000;

/**
 * Throws AppError `not_found` for an unknown token. A network error is recorded and changes nothing;
 * only a dead credential invalidates and only the upstream's own lock suspends (kiro-protocol B9, C4 60).
 */
export async function checkToken(tokenId: string, actor: string, deps: CheckDeps): Promise<CheckOutcome> {
  const token = deps.directory.token(tokenId);
  const upstream = token && deps.upstreams.get(token.provider);
  if (!token || !upstream) throw new AppError('not_found');
  const startedMono = deps.clock.monotonic();
  const observedAt = deps.clock.now();
  let found: CredentialCheck | null = null;
  let failure: UpstreamFailure | null = null;
  try {
    found = await look(tokenId, upstream, deps);
  } catch (error) {
    failure =
      error instanceof UpstreamFailure
        ? error
        : new UpstreamFailure({ kind: 'network', message: 'The check could not be made.', cause: error });
  }
  const message = failure === null ? null : safeText(failure.message, 300);
  const meta = { actor };
  await deps.commands.execute(
    recordTokenCheck,
    {
      tokenId,
      ok: failure === null,
      failure: failure?.kind ?? null,
      message,
      plan: found?.plan ?? null,
      creditsUsed: found?.creditsUsed ?? null,
      creditsLimit: found?.creditsLimit ?? null,
      resetAt: found?.resetAt ?? null,
      durationUs: Math.round((deps.clock.monotonic() - startedMono) * 1000),
    },
    meta,
  );
  if (failure?.kind === 'invalid_credential')
    await deps.commands.execute(invalidateToken, { tokenId, message: message ?? '', observedAt }, { actor: 'system' });
  if (failure?.kind === 'suspended')
    await deps.commands.execute(suspendToken, { tokenId, reason: 'upstream', message: message ?? '', observedAt }, { actor: 'system' });
  return { ok: failure === null, failure: failure?.kind ?? null, message };
}

/** An access token that the upstream refuses before its time is refreshed once, as a request would (kiro-protocol B9). */
async function look(tokenId: string, upstream: Upstream, deps: CheckDeps): Promise<CredentialCheck> {
  const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
  const ask = async (): Promise<CredentialCheck> => {
    const { authType, secret, access } = await deps.access.get(tokenId, signal);
    try {
      return await upstream.check(authType, secret, access, signal);
    } catch (error) {
      if (error instanceof UpstreamFailure && error.kind === 'auth') deps.access.refused(tokenId, access.value);
      throw error;
    }
  };
  try {
    return await ask();
  } catch (error) {
    if (error instanceof UpstreamFailure && error.kind === 'auth') return ask();
    throw error;
  }
}
