/** Makes every tool use answered exactly once, in order, in the very next user turn (kiro-protocol B10, C1 10–11). */
import { createHash } from 'node:crypto';
import type { WireToolResult } from './body.js';
import type { AssistantTurn, Turn, UserTurn } from './turns.js';

export interface PairedUser extends Omit<UserTurn, 'results'> {
  readonly results: readonly WireToolResult[];
}
export type PairedTurn = PairedUser | AssistantTurn;

const idPattern = /^[a-zA-Z0-9_-]{1,64}$/;

/** Ids are unique over the conversation; clients that count from zero in every turn get theirs rewritten. */
function createWireIds(): (id: string) => string {
  const used = new Set<string>();
  return (id) => {
    let wire = idPattern.test(id) ? id : `t_${createHash('sha256').update(id).digest('hex').slice(0, 24)}`;
    for (let n = 2; used.has(wire); n++) wire = `t_${createHash('sha256').update(`${id}\u0000${n}`).digest('hex').slice(0, 24)}`;
    used.add(wire);
    return wire;
  };
}

/**
 * Results without their call become text, in front of what the user says; a second result of one call is
 * dropped; a call without a result is answered with an error that says so.
 */
export function pairTools(turns: readonly Turn[]): PairedTurn[] {
  const wireId = createWireIds();
  const paired: PairedTurn[] = [];
  let asked: readonly { readonly id: string; readonly wire: string }[] = [];
  for (const turn of turns) {
    if (turn.role === 'user') {
      paired.push(answer(turn, asked));
      asked = [];
      continue;
    }
    const seen = new Set<string>();
    const toolUses = turn.toolUses.filter((use) => !seen.has(use.id) && seen.add(use.id));
    asked = toolUses.map((use) => ({ id: use.id, wire: wireId(use.id) }));
    paired.push({ ...turn, toolUses: toolUses.map((use, at) => ({ ...use, id: asked[at]?.wire ?? use.id })) });
  }
  // A conversation that ends with tool calls gets their answers as its last turn.
  if (asked.length > 0) paired.push(answer({ role: 'user', text: '', images: [], results: [] }, asked));
  return paired;
}

function answer(turn: UserTurn, asked: readonly { readonly id: string; readonly wire: string }[]): PairedUser {
  const byId = new Map<string, UserTurn['results'][number]>();
  const orphans: string[] = [];
  const wanted = new Set(asked.map((call) => call.id));
  for (const result of turn.results) {
    if (!wanted.has(result.toolUseId)) orphans.push(`Result of an earlier tool call:\n${result.text}`);
    else if (!byId.has(result.toolUseId)) byId.set(result.toolUseId, result);
  }
  const results = asked.map(({ id, wire }): WireToolResult => {
    const result = byId.get(id);
    if (!result) return { toolUseId: wire, status: 'error', content: [{ text: 'The call was not run; there is no result.' }] };
    return { toolUseId: wire, status: result.isError ? 'error' : 'success', content: [{ text: result.text }] };
  });
  const text = [...orphans, ...(turn.text === '' ? [] : [turn.text])].join('\n\n');
  return { role: 'user', text, images: turn.images, results };
}
