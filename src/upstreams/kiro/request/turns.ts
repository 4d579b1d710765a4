/** Merges a client's messages into alternating turns: text, images, results and tool uses of one role come together (kiro-protocol C1 2–7). */
import type { Message, MessagePart, ToolResultPart, ToolUsePart } from '../../define.js';
import type { WireImage, WireReasoning } from './body.js';
import { toWireImage } from './images.js';

export interface UserTurn {
  readonly role: 'user';
  text: string;
  readonly images: WireImage[];
  readonly results: { readonly toolUseId: string; readonly isError: boolean; readonly text: string }[];
}
export interface AssistantTurn {
  readonly role: 'assistant';
  text: string;
  readonly toolUses: Pick<ToolUsePart, 'id' | 'name' | 'input'>[];
  reasoning: WireReasoning | null;
}
export type Turn = UserTurn | AssistantTurn;

export interface TurnOptions {
  /** May this signature go back to this model and account? */
  readonly replays: (signature: string) => boolean;
}

const blank = (text: string): boolean => text.trim() === '';

const userTurn = (): UserTurn => ({ role: 'user', text: '', images: [], results: [] });
const assistantTurn = (): AssistantTurn => ({ role: 'assistant', text: '', toolUses: [], reasoning: null });

/** Messages without anything to send vanish; no filler takes their place, because fillers teach the model to answer emptily. */
export function mergeTurns(messages: readonly Message[], options: TurnOptions): Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    const turn = last?.role === message.role ? last : message.role === 'user' ? userTurn() : assistantTurn();
    // Blocks of one message are lines of one text; another message begins a new paragraph.
    let joint = '\n\n';
    for (const part of message.parts) {
      if (part.type === 'text') {
        if (blank(part.text)) continue;
        turn.text = turn.text === '' ? part.text : `${turn.text}${joint}${part.text}`;
        joint = '\n';
      } else if (turn.role === 'user') addToUser(turn, part, `messages[${message.index}].content`);
      else addToAssistant(turn, part, options);
    }
    if (turn !== last && !isEmpty(turn)) turns.push(turn);
  }
  return turns;
}

function isEmpty(turn: Turn): boolean {
  if (turn.text !== '') return false;
  // Thinking alone is not a turn: without text or tool call the upstream refuses it.
  return turn.role === 'user' ? turn.images.length === 0 && turn.results.length === 0 : turn.toolUses.length === 0;
}

function addToUser(turn: UserTurn, part: MessagePart, param: string): void {
  if (part.type === 'image') turn.images.push(toWireImage(part, param));
  else if (part.type === 'tool_result') {
    turn.results.push({ toolUseId: part.toolUseId, isError: part.isError, text: resultText(part) });
    // Results carry text only; their images ride on the turn.
    for (const inner of part.content) if (inner.type === 'image') turn.images.push(toWireImage(inner, param));
  }
}

function resultText(part: ToolResultPart): string {
  const text = part.content.flatMap((inner) => (inner.type === 'text' ? [inner.text] : [])).join('\n');
  if (!blank(text)) return text;
  return part.content.some((inner) => inner.type === 'image') ? 'The result is the attached image.' : 'The tool returned nothing.';
}

function addToAssistant(turn: AssistantTurn, part: MessagePart, options: TurnOptions): void {
  if (part.type === 'tool_use') turn.toolUses.push({ id: part.id, name: part.name, input: part.input });
  else if (part.type === 'redacted_thinking' && part.data !== '') {
    if (options.replays(part.data)) turn.reasoning = { redactedContent: part.data };
  } else if (part.type === 'thinking' && part.signature && !blank(part.text) && options.replays(part.signature)) {
    // Of merged turns the last reasoning counts: it stands nearest to the tool calls it explains.
    turn.reasoning = { reasoningText: { text: part.text, signature: part.signature } };
  }
}
