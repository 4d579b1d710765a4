/** Which upstreams may serve a model name, and whether this caller may ask for it. */
import { AppError } from '../../errors.js';
import type { Upstreams } from '../../upstreams/index.js';
import type { Caller } from './caller.js';

export interface Target {
  readonly provider: string;
  /** In the provider's own naming. */
  readonly model: string;
}

/** Throws AppError `model_not_found` (404) or `model_not_allowed` (403). Known ids win over merely well-formed ones. */
export function resolveTargets(model: string, caller: Caller, upstreams: Upstreams): readonly Target[] {
  const known: Target[] = [];
  const possible: Target[] = [];
  for (const upstream of upstreams.values()) {
    const resolved = upstream.resolveModel(model);
    if (resolved) (resolved.known ? known : possible).push({ provider: upstream.provider, model: resolved.id });
  }
  const targets = known.length > 0 ? known : possible;
  if (targets.length === 0)
    throw new AppError('model_not_found', { message: `The model ${JSON.stringify(model.slice(0, 100))} does not exist.`, param: 'model' });
  if (!isAllowed(model, targets, caller, upstreams)) throw new AppError('model_not_allowed', { param: 'model' });
  return targets;
}

function isAllowed(model: string, targets: readonly Target[], caller: Caller, upstreams: Upstreams): boolean {
  if (caller.allowedModels === null || caller.allowedModels.includes(model)) return true;
  return caller.allowedModels.some((allowed) =>
    targets.some((target) => upstreams.get(target.provider)?.resolveModel(allowed)?.id === target.model),
  );
}
