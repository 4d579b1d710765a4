/** `/v1/models` in the form of the SDK that asks. */
import type { IncomingMessage } from 'node:http';
import { AppError } from '../errors.js';
import type { ModelInfo } from '../upstreams/define.js';
import type { Upstreams } from '../upstreams/index.js';
import type { Dialect } from './dialects/define.js';
import type { Caller } from './pipeline/caller.js';

type Owned = ModelInfo & { readonly provider: string };

const all = (upstreams: Upstreams): Owned[] =>
  [...upstreams.values()].flatMap((u) => u.models.map((model) => ({ ...model, provider: u.provider })));

/** What this key may use, as many as the client asks for (Anthropic's `limit`). */
export function listedModels(req: IncomingMessage, caller: Caller, upstreams: Upstreams): readonly Owned[] {
  const limit = Number(new URLSearchParams((req.url ?? '').split('?')[1] ?? '').get('limit') ?? Number.NaN);
  const allowed = all(upstreams).filter((model) => mayUse(model, caller, upstreams));
  return Number.isInteger(limit) && limit > 0 ? allowed.slice(0, limit) : allowed;
}

function mayUse(model: Owned, caller: Caller, upstreams: Upstreams): boolean {
  if (caller.allowedModels === null) return true;
  const resolve = (name: string): string | undefined => upstreams.get(model.provider)?.resolveModel(name)?.id;
  return caller.allowedModels.some((name) => name === model.id || resolve(name) === resolve(model.id));
}

export function modelList(dialect: Dialect, models: readonly Owned[]): unknown {
  const data = models.map((model) => view(dialect, model));
  if (dialect.name !== 'anthropic_messages') return { object: 'list', data };
  return { data, has_more: false, first_id: models[0]?.id ?? null, last_id: models.at(-1)?.id ?? null };
}

/** Throws AppError `model_not_found`. Aliases answer under the name that was asked for. */
export function modelView(dialect: Dialect, id: string, upstreams: Upstreams): unknown {
  const models = all(upstreams);
  const exact = models.find((model) => model.id === id);
  if (exact) return view(dialect, exact);
  for (const upstream of upstreams.values()) {
    const resolved = upstream.resolveModel(id);
    const model = resolved && models.find((one) => one.provider === upstream.provider && one.id === resolved.id);
    if (model) return view(dialect, { ...model, id });
  }
  throw new AppError('model_not_found', { param: 'model' });
}

function view(dialect: Dialect, model: Owned): unknown {
  if (dialect.name === 'anthropic_messages') {
    return { type: 'model', id: model.id, display_name: model.displayName, created_at: new Date(model.createdAt).toISOString() };
  }
  return {
    id: model.id,
    object: 'model',
    created: Math.floor(model.createdAt / 1000),
    owned_by: model.provider,
    context_window: model.contextWindow,
    max_output_tokens: model.maxOutputTokens,
  };
}
