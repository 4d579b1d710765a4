/** Refuses what is far over the model's window before an upstream call is spent on it; the close cases are the upstream's to judge. */
import type { IncomingMessage } from 'node:http';
import { AppError } from '../../errors.js';
import type { ModelRequest } from '../../upstreams/define.js';
import type { Upstreams } from '../../upstreams/index.js';
import { estimateRequestTokens } from '../../upstreams/tokens.js';

/** Our figure is an estimate: only what is this much over the window is surely over it. */
const MARGIN = 1.25;
/** Below so many bytes a token of window no text reaches the window, and nothing is estimated. */
const LEAST_BYTES_PER_TOKEN = 2;

/** Throws AppError `context_length_exceeded`, in the words that make clients compact the conversation. */
export function refuseOverlong(req: IncomingMessage, request: ModelRequest, upstreams: Upstreams): void {
  const window = widestWindow(request.model, upstreams);
  const announced = Number(req.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (announced < window * LEAST_BYTES_PER_TOKEN) return;
  const tokens = estimateRequestTokens(request);
  if (tokens <= window * MARGIN) return;
  throw new AppError('context_length_exceeded', {
    message: `prompt is too long: about ${tokens} tokens, the model takes ${window}`,
    param: 'messages',
  });
}

function widestWindow(model: string, upstreams: Upstreams): number {
  let widest = 0;
  for (const upstream of upstreams.values()) widest = Math.max(widest, upstream.resolveModel(model)?.contextWindow ?? 0);
  return widest === 0 ? Number.POSITIVE_INFINITY : widest;
}
