/** What a response's renderers must know of its request, on the way from the parser. */
import type { RenderContext } from '../define.js';
import type { JsonObject } from '../shared/guards.js';
import type { ToolForms } from './names.js';

export interface ReplyOptions {
  /** The parameters every response repeats. */
  readonly echo: JsonObject;
  readonly forms: ToolForms;
  /** The client asked for `reasoning.encrypted_content`, so it will send thinking back. */
  readonly sealed: boolean;
}

/** The options of a context, which are what the parser gave; a context without them renders plainly. */
export function replyOptions(context: RenderContext): ReplyOptions {
  const { echo, forms, sealed } = context.options as Partial<ReplyOptions>;
  return { echo: echo ?? {}, forms: forms ?? new Map(), sealed: sealed ?? false };
}
