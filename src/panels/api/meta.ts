/** What a command is told of the request behind it. */
import type { CommandMeta } from '../../commands/define.js';
import type { AdminCaller, MemberCaller } from './define.js';

export function metaOf(request: { readonly caller: AdminCaller | MemberCaller; readonly requestId: string }): CommandMeta {
  return { actor: request.caller.actor, correlationId: request.requestId };
}
