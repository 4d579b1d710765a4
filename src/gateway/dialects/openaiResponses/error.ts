/** Errors of the Responses API: OpenAI's shape, with the list of turns under the name it has there. */
import type { AppError } from '../../../errors.js';
import type { RenderedError } from '../define.js';
import { chatErrorBody } from '../openaiChat/error.js';

export interface ErrorMembers {
  readonly message: string;
  readonly type: string;
  readonly code: string;
  readonly param: string | null;
}

export function responsesError(error: AppError): RenderedError {
  return { status: error.status, body: { error: errorMembers(error) } };
}

/** What stands under `error`. Upstreams know the client's list as `messages`; here it is `input`. */
export function errorMembers(error: AppError): ErrorMembers {
  const { error: members } = chatErrorBody(error) as { error: ErrorMembers };
  if (!/^messages\b/.test(members.param ?? '')) return members;
  return { ...members, message: inputFor(members.message), param: inputFor(members.param ?? '') };
}

const inputFor = (text: string): string => text.replace(/^messages\b/, 'input');
