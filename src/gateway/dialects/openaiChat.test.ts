/** The chat dialect passes the contract of all dialects, read as an OpenAI client reads. */
import { dialectContract, type Frame } from './contract.js';
import { openaiChat } from './openaiChat.js';

interface ToolDelta {
  index: number;
  id?: string;
  type?: string;
  function: { name?: string; arguments: string };
}
interface Chunk {
  id: string;
  object: string;
  created: number;
  model: string;
  choices: {
    delta: { role?: string; content?: string; reasoning_content?: string; tool_calls?: ToolDelta[] };
    finish_reason: string | null;
  }[];
  usage?: unknown;
}

function join(frames: readonly Frame[]): unknown {
  if (frames.at(-1)?.data !== '[DONE]') throw new Error('no [DONE]');
  const chunks = frames.slice(0, -1).map((frame) => frame.data as Chunk);
  const first = chunks[0];
  if (first === undefined) throw new Error('no chunk');
  let content = '';
  let reasoning = '';
  let finish: string | null = null;
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = [];
  for (const [index, chunk] of chunks.entries()) {
    if (chunk.object !== 'chat.completion.chunk' || chunk.id !== first.id) throw new Error('a strange chunk');
    const choice = chunk.choices[0];
    if (choice === undefined) continue;
    if ((choice.delta.role !== undefined) !== (index === 0)) throw new Error('role not exactly once');
    if (finish !== null) throw new Error('a choice after its finish_reason');
    finish = choice.finish_reason;
    content += choice.delta.content ?? '';
    reasoning += choice.delta.reasoning_content ?? '';
    for (const piece of choice.delta.tool_calls ?? []) addPiece(calls, piece);
  }
  return {
    id: first.id,
    object: 'chat.completion',
    created: first.created,
    model: first.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: content === '' && calls.length > 0 ? null : content,
          refusal: null,
          ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
        logprobs: null,
        finish_reason: finish,
      },
    ],
    usage: chunks.at(-1)?.usage,
  };
}

function addPiece(calls: { id: string; type: string; function: { name: string; arguments: string } }[], piece: ToolDelta): void {
  const call = calls[piece.index];
  if (call === undefined) {
    if (piece.index !== calls.length || !piece.id || !piece.type || !piece.function.name)
      throw new Error('a tool call that does not begin');
    calls.push({ id: piece.id, type: piece.type, function: { name: piece.function.name, arguments: piece.function.arguments } });
    return;
  }
  if (piece.id !== undefined || piece.function.name !== undefined) throw new Error('id and name more than once');
  if (piece.index !== calls.length - 1) throw new Error('pieces of two tool calls interleave');
  call.function.arguments += piece.function.arguments;
}

dialectContract({ dialect: openaiChat, join });
