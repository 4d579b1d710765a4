/** Which conversation a request belongs to: what the client names, else a digest of how it began (pitfall 23). */
import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Message, TextPart } from '../../../upstreams/define.js';

/** Enough of each text to tell conversations apart; hashing whole 1 MB prompts would cost milliseconds. */
const DIGESTED_CHARS = 8_192;
const MAX_NAME = 128;

export interface ConversationHints {
  readonly headers: IncomingHttpHeaders;
  /** Anthropic `metadata.user_id`. */
  readonly userId?: string | null | undefined;
  /** OpenAI `prompt_cache_key`. */
  readonly cacheKey?: string | null | undefined;
  /** What separates callers behind one key, mixed into a derived name. */
  readonly caller?: string | null | undefined;
  readonly system: readonly TextPart[];
  readonly messages: readonly Message[];
}

/** A bounded name, stable over the turns of one conversation; not yet namespaced by key. Null only when there is no turn. */
export function conversationOf(hints: ConversationHints): string | null {
  const named = sessionIn(hints.userId) ?? headerSession(hints.headers) ?? filled(hints.cacheKey);
  if (named !== null) return named.length > MAX_NAME ? digest([named]) : named;
  const first = hints.messages.find((message) => message.role === 'user') ?? hints.messages[0];
  if (first === undefined) return null;
  const opening = first.parts.map((part) => (part.type === 'text' ? part.text : part.type === 'image' ? part.data : part.type));
  return digest(
    [hints.caller ?? hints.userId ?? ''],
    hints.system.map((part) => part.text),
    opening,
  );
}

/** Claude Code writes `user_…_account_…_session_<uuid>`, newer ones JSON with `session_id`. */
function sessionIn(userId: string | null | undefined): string | null {
  if (!userId) return null;
  const marker = userId.lastIndexOf('_session_');
  if (marker >= 0) return filled(userId.slice(marker + '_session_'.length));
  if (!userId.startsWith('{')) return null;
  try {
    const session = (JSON.parse(userId) as { session_id?: unknown }).session_id;
    return typeof session === 'string' ? filled(session) : null;
  } catch {
    return null;
  }
}

function headerSession(headers: IncomingHttpHeaders): string | null {
  const value = headers['x-claude-code-session-id'];
  return typeof value === 'string' ? filled(value) : null;
}

function filled(text: string | null | undefined): string | null {
  return text ? text : null;
}

/** Each list has a budget of its own, so that a long system prompt never hides the first message. */
function digest(...lists: readonly (readonly string[])[]): string {
  let seen = '';
  for (const texts of lists) {
    let left = DIGESTED_CHARS;
    for (const text of texts) {
      const piece = text.slice(0, left);
      left -= piece.length;
      seen += `${text.length}:${piece}`;
    }
    seen += '|';
  }
  return hash('sha256', seen, 'hex').slice(0, 32);
}
