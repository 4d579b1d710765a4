/** `/v1/models` in the form of the SDK that asks. */
import { AppError } from '../errors.js';
import type { ModelInfo } from '../upstreams/define.js';
import type { Upstreams } from '../upstreams/index.js';
import type { Dialect } from './dialects/define.js';

type Owned = ModelInfo & { readonly provider: string };

const all = (upstreams: Upstreams): Owned[] =>
  [...upstreams.values()].flatMap((u) => u.models.map((model) => ({ ...model, provider: u.provider })));

export function modelList(dialect: Dialect, upstreams: Upstreams): unknown {
  const models = all(upstreams).map((model) => view(dialect, model));
  if (dialect.name !== 'anthropic_messages') return { object: 'list', data: models };
  const ids = all(upstreams).map((model) => model.id);
  return { data: models, has_more: false, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null };
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
