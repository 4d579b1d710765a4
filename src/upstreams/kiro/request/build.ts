/** Builds a Kiro body from the internal form: repaired where that is safe, refused with the field's path where not (kiro-protocol B5, B10, C1). */
import { type ModelRequest, UpstreamFailure } from '../../define.js';
import { modelFacts } from '../models.js';
import type { KiroBody, WireAssistant, WireTool, WireUser } from './body.js';
import { type PairedTurn, type PairedUser, pairTools } from './pairing.js';
import { sessionIds } from './session.js';
import { planThinking } from './thinking.js';
import { createToolNames, type ToolNames } from './toolNames.js';
import { choiceInstruction, toolSpecifications } from './tools.js';
import { type AssistantTurn, mergeTurns } from './turns.js';

export interface BuildOptions {
  readonly request: ModelRequest;
  /** The upstream's model id. */
  readonly model: string;
  readonly origin: string;
  /** Of the credential that sends; swapped with it. */
  readonly profileArn: string | undefined;
  /** Stable name of the credential, for ids of the conversation. */
  readonly account: string;
  /** May this signature go back to this model and account? */
  readonly replays: (signature: string) => boolean;
}

export interface BuiltRequest {
  readonly body: KiroBody;
  readonly names: ToolNames;
  /** Will the reply think in `<thinking>` tags? */
  readonly thinkingTags: boolean;
  readonly tools: number;
}

/** Sentences of ours that must stand where the upstream refuses an empty text. In English and neutral, never "(empty)". */
const carriers = {
  acknowledgement: 'Understood. I will follow these instructions.',
  opening: 'Here is the conversation so far.',
  results: 'These are the results of the tools.',
  image: 'See the attached image.',
  calling: 'I will use the tools for this.',
  /** Prefill: the client's last message is the assistant's. */
  goOn: 'Continue your last message exactly where it ends. Do not repeat any of it.',
};

/** Above this the service refuses the history (B10). */
const maxHistory = 10_000;

/**
 * Prefill, a conversation whose last message is the assistant's: the upstream wants a user turn last, so that
 * message goes into the history and the user turn asks to continue it. Throws UpstreamFailure `client`.
 */
export function buildRequest(options: BuildOptions): BuiltRequest {
  const { request, model } = options;
  const facts = modelFacts(model);
  const thinking = planThinking(request, model);
  const turns = pairTools(mergeTurns(request.messages, { replays: thinking.replay ? options.replays : () => false }));
  if (turns.length === 0) throw new UpstreamFailure({ kind: 'client', param: 'messages', message: 'messages has nothing in it to send.' });
  const names = createToolNames();
  const tools = toolSpecifications(request, turns, names, facts.descriptionLimit);
  const last = turns.at(-1);
  const current: PairedUser = last?.role === 'user' ? last : { role: 'user', text: carriers.goOn, images: [], results: [] };
  const past = last?.role === 'user' ? turns.slice(0, -1) : turns;
  const user = (turn: PairedUser, content: string, specifications?: readonly WireTool[]): WireUser =>
    userEntry(turn, content, options, specifications);
  const history = [
    ...opening(request, past, user),
    ...past.map((turn) => (turn.role === 'user' ? user(turn, userText(turn)) : assistantEntry(turn, names))),
  ];
  if (history.length > maxHistory) {
    throw new UpstreamFailure({
      kind: 'context_overflow',
      param: 'messages',
      message: `prompt is too long: ${history.length} turns, at most ${maxHistory}`,
    });
  }
  const body: KiroBody = {
    conversationState: {
      chatTriggerType: 'MANUAL',
      agentTaskType: 'vibe',
      ...sessionIds(request, options.account),
      history,
      currentMessage: user(current, currentText(current, thinking.prefix, choiceInstruction(request, names)), tools),
    },
    ...(options.profileArn === undefined ? {} : { profileArn: options.profileArn }),
    ...(thinking.fields === undefined ? {} : { additionalModelRequestFields: thinking.fields }),
  };
  return { body, names, thinkingTags: thinking.tags, tools: tools.length };
}

/**
 * The system prompt as the first pair of the history, which the upstream's cache recognises. Where the
 * conversation itself opens with the assistant, that turn takes the place of the acknowledgement.
 */
function opening(
  request: ModelRequest,
  past: readonly PairedTurn[],
  user: (turn: PairedUser, content: string) => WireUser,
): (WireUser | WireAssistant)[] {
  const nobody: PairedUser = { role: 'user', text: '', images: [], results: [] };
  const system = request.system
    .map((part) => part.text)
    .filter((text) => text.trim() !== '')
    .join('\n\n');
  const assistantFirst = past[0]?.role === 'assistant';
  if (system === '') return assistantFirst ? [user(nobody, carriers.opening)] : [];
  const pair: (WireUser | WireAssistant)[] = [user(nobody, system)];
  if (!assistantFirst) pair.push({ assistantResponseMessage: { content: carriers.acknowledgement } });
  return pair;
}

function userText(turn: PairedUser): string {
  if (turn.text !== '') return turn.text;
  return turn.results.length > 0 ? carriers.results : carriers.image;
}

/** What the user says stands first; an instruction of ours follows it, and makes a carrier sentence needless. */
function currentText(turn: PairedUser, thinkingPrefix: string, instruction: string): string {
  // A turn of tool results goes on with the thought it interrupts; the tags would open a new one.
  const prefix = turn.results.length > 0 ? '' : thinkingPrefix;
  if (instruction === '') return prefix + userText(turn);
  return prefix + (turn.text === '' ? instruction : `${turn.text}\n\n${instruction}`);
}

function userEntry(turn: PairedUser, content: string, options: BuildOptions, tools?: readonly WireTool[]): WireUser {
  const context = {
    ...(tools && tools.length > 0 ? { tools } : {}),
    ...(turn.results.length > 0 ? { toolResults: turn.results } : {}),
  };
  return {
    userInputMessage: {
      content,
      modelId: options.model,
      origin: options.origin,
      ...(turn.images.length > 0 ? { images: turn.images } : {}),
      ...(Object.keys(context).length > 0 ? { userInputMessageContext: context } : {}),
    },
  };
}

function assistantEntry(turn: AssistantTurn, names: ToolNames): WireAssistant {
  const toolUses = turn.toolUses.map((use) => ({ toolUseId: use.id, name: names.wire(use.name), input: use.input }));
  return {
    assistantResponseMessage: {
      content: turn.text === '' ? carriers.calling : turn.text,
      ...(toolUses.length > 0 ? { toolUses } : {}),
      ...(turn.reasoning === null ? {} : { reasoningContent: turn.reasoning }),
    },
  };
}
