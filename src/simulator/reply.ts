/** Composes the reply to one valid completion as the frames of a normal live stream (kiro-protocol B7, B8, B11). */
import type { Behaviour } from './behaviour.js';
import { hasDirectives, parseDirectives } from './directives.js';
import { base64Bytes } from './validate/images.js';
import { BYTES_PER_TOKEN, type ValidRequest } from './validate/index.js';
import { isObject } from './validate/shape.js';
import type { ReplyFrame } from './wire/frames.js';
import { historyOf, toolResultsOf, toolResultText, toolsOf, type WireRequest, type WireTurn } from './wire/request.js';

export interface ReplyOptions {
  readonly behaviour: Behaviour;
  /** The user's text without directives. */
  readonly said: string;
  readonly wordsPerChunk: number;
  /** AWS-JSON streams begin with an `initial-response`. */
  readonly initialResponse: boolean;
  sign(text: string): string;
  signRedacted(): string;
  /** An id such as `tooluse_…`. */
  toolUseId(): string;
}

export interface Reply {
  readonly frames: readonly ReplyFrame[];
  /** Metered credits. */
  readonly credits: number;
}

const MAX_ECHO = 400;
const MAX_QUOTE = 2_000;
const PIECE = 24;
const vocabulary = ['alpha', 'bravo', 'charlie', 'delta', 'echo', 'foxtrot', 'golf', 'hotel', 'india', 'juliett', 'kilo', 'lima', 'mike'];

const event = (type: string, payload: unknown): ReplyFrame => ({ kind: 'event', type, payload });

/** Cuts on code points. */
function shorten(text: string, most: number): string {
  const points = [...text.slice(0, most * 2 + 2)];
  return points.length > most ? `${points.slice(0, most).join('')}…` : text;
}

/** Groups of `size` words with the spaces they stand with; joined they are the text again. */
export function chunkWords(text: string, size: number): string[] {
  const words = text.match(/\s*\S+\s*/g) ?? (text === '' ? [] : [text]);
  const chunks: string[] = [];
  for (let i = 0; i < words.length; i += size) chunks.push(words.slice(i, i + size).join(''));
  return chunks;
}

// ---- which behaviour the conversation asks for ----

function directedText(turn: WireTurn): string | null {
  const content = turn.userInputMessage?.content;
  return content !== undefined && hasDirectives(content) ? content : null;
}

/** Directives of the current message; after tool results also those of the question that led to them. */
export function directed(request: WireRequest): { readonly behaviour: Behaviour; readonly said: string } {
  const history = historyOf(request);
  const current = request.conversationState.currentMessage.userInputMessage;
  const own = parseDirectives(current.content);
  if (hasDirectives(current.content)) return { behaviour: own.turns[0] ?? {}, said: own.rest };
  for (let i = history.length - 1, step = 0; i >= 0 && toolResultsOf(current).length > 0; i--) {
    const turn = history[i] ?? {};
    if (turn.assistantResponseMessage) step += 1;
    const text = directedText(turn);
    if (text !== null) return { behaviour: parseDirectives(text).turns[step] ?? {}, said: own.rest };
    if (turn.userInputMessage && toolResultsOf(turn.userInputMessage).length === 0) break;
  }
  return { behaviour: {}, said: own.rest };
}

// ---- parts of the reply ----

type ThinkingStyle = 'native' | 'tags' | 'none';

function thinkingStyle({ request }: ValidRequest): ThinkingStyle {
  const fields = request.additionalModelRequestFields ?? {};
  const { output_config: claude, reasoning: gpt, thinking } = fields;
  if (isObject(thinking) && thinking.type === 'disabled') return 'none';
  if (isObject(claude) || isObject(thinking)) return 'native';
  if (isObject(gpt)) return gpt.effort === 'none' ? 'none' : 'native';
  const current = request.conversationState.currentMessage.userInputMessage;
  const tag = '<thinking_mode>enabled</thinking_mode>';
  const asked = current.content.includes(tag) || historyOf(request)[0]?.userInputMessage?.content.includes(tag);
  return asked && toolResultsOf(current).length === 0 ? 'tags' : 'none';
}

/** Takes the thinking tags out of the text that is echoed. */
function withoutTags(text: string): string {
  return text.replace(/<(thinking_mode|max_thinking_length)>[^<]*<\/\1>/g, '').trim();
}

function toolName(request: WireRequest, toolUseId: string): string {
  for (const turn of [...historyOf(request)].reverse()) {
    const use = turn.assistantResponseMessage?.toolUses?.find((candidate) => candidate.toolUseId === toolUseId);
    if (use) return use.name;
  }
  return 'unknown';
}

function describeImages(request: WireRequest): string {
  const images = request.conversationState.currentMessage.userInputMessage.images ?? [];
  if (images.length === 0) return '';
  const seen = images.map((image) => `${image.format}, ${base64Bytes(image.source.bytes)} bytes`).join('; ');
  return `I see ${images.length} image${images.length > 1 ? 's' : ''}: ${seen}. `;
}

/** The answer's text: an echo, the tool results quoted, or what the behaviour says. */
function answerText({ request }: ValidRequest, { behaviour, said }: ReplyOptions, missing: readonly string[]): string {
  if (behaviour.text !== undefined) return behaviour.text;
  if (behaviour.words !== undefined) {
    return Array.from({ length: behaviour.words }, (_, i) => vocabulary[i % vocabulary.length]).join(' ');
  }
  const current = request.conversationState.currentMessage.userInputMessage;
  const quotes = toolResultsOf(current).map((result) => {
    const verb = result.status === 'error' ? 'failed with' : 'answered';
    return `The tool ${toolName(request, result.toolUseId)} ${verb}: ${shorten(toolResultText(result), MAX_QUOTE)}`;
  });
  const text = withoutTags(said);
  const echo = text === '' || quotes.length > 0 ? '' : `You said: ${shorten(text, MAX_ECHO)}`;
  const notes = missing.map((name) => `The tool ${name} is not offered here.`);
  const calls = (behaviour.tools ?? []).filter((tool) => !missing.includes(tool.name)).map((tool) => `I will call ${tool.name}.`);
  return (
    `${describeImages(request)}${[...quotes, ...notes, ...(calls.length > 0 ? calls : [echo])].filter(Boolean).join('\n')}`.trim() ||
    'Hello.'
  );
}

type Call = NonNullable<Behaviour['tools']>[number];

/** One tool call: its start, its input in the wanted form, its stop. */
function toolFrames(call: Call, toolUseId: string, form: Behaviour['toolInput']): ReplyFrame[] {
  const base = { toolUseId, name: call.name };
  const stop = event('toolUseEvent', { ...base, stop: true });
  if (form === 'object') return [event('toolUseEvent', { ...base, input: call.input }), stop];
  if (form === 'growing') {
    const entries = Object.entries(call.input);
    const grown = entries.map((_, i) => event('toolUseEvent', { ...base, input: Object.fromEntries(entries.slice(0, i + 1)) }));
    return [event('toolUseEvent', { ...base, input: {} }), ...grown, stop];
  }
  // A call without arguments has no input at all on the wire.
  const points = Object.keys(call.input).length === 0 ? [] : [...JSON.stringify(call.input)];
  const pieces: ReplyFrame[] = [];
  for (let i = 0; i < points.length; i += PIECE) {
    pieces.push(event('toolUseEvent', { ...base, input: points.slice(i, i + PIECE).join('') }));
  }
  return [event('toolUseEvent', base), ...pieces, stop];
}

function interleave(lists: readonly (readonly ReplyFrame[])[]): ReplyFrame[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat();
}

function thinkingFrames(text: string, options: ReplyOptions): ReplyFrame[] {
  const pieces = chunkWords(text, options.wordsPerChunk).map((piece) => event('reasoningContentEvent', { text: piece }));
  return [...pieces, event('reasoningContentEvent', { signature: options.sign(text) })];
}

function outputFrames(valid: ValidRequest, options: ReplyOptions): ReplyFrame[] {
  const { behaviour, wordsPerChunk } = options;
  if (behaviour.empty) return [];
  const offered = new Set(toolsOf(valid.request.conversationState.currentMessage.userInputMessage).map((t) => t.toolSpecification?.name));
  const wanted = behaviour.tools ?? [];
  const calls = wanted.filter((call) => offered.has(call.name));
  const missing = wanted.filter((call) => !offered.has(call.name)).map((call) => call.name);
  const style = thinkingStyle(valid);
  const thought = behaviour.think ?? (style === 'none' ? '' : 'The user wrote something; I will answer it shortly.');
  const redacts = thought !== '' && valid.model.family === 'gpt';
  const tagged = thought !== '' && !redacts && style === 'tags';
  const silent = behaviour.quiet === true && missing.length === 0;
  const text = `${tagged ? `<thinking>${thought}</thinking>\n\n` : ''}${silent ? '' : answerText(valid, options, missing)}`;
  const lists = calls.map((call) => toolFrames(call, call.call ?? options.toolUseId(), behaviour.toolInput));
  return [
    ...(thought !== '' && !redacts && !tagged ? thinkingFrames(thought, options) : []),
    ...chunkWords(text, wordsPerChunk).map((content) => event('assistantResponseEvent', { content, modelId: valid.model.id })),
    // GPT shows its thinking only sealed, and only behind the text.
    ...(redacts ? [event('reasoningContentEvent', { redactedContent: options.signRedacted() })] : []),
    ...(behaviour.interleave ? interleave(lists) : lists.flat()),
  ];
}

/** The frame that breaks the reply off, if the behaviour wants one. */
function breakingFrame({ exception, errorFrame, invalidState }: Behaviour): ReplyFrame | null {
  if (exception) return { kind: 'exception', type: exception.type, payload: { message: exception.message } };
  if (errorFrame) return { kind: 'error', ...errorFrame };
  return invalidState ? event('invalidStateEvent', invalidState) : null;
}

function outputBytes(frames: readonly ReplyFrame[]): number {
  return frames.reduce((sum, frame) => {
    if (frame.kind !== 'event' || !isObject(frame.payload)) return sum;
    const { content, text, input } = frame.payload;
    return sum + [content, text, input].reduce((n: number, part) => n + (typeof part === 'string' ? part.length : 0), 0);
  }, 0);
}

/** The frames of the whole reply in live order, and what it costs. */
export function composeReply(valid: ValidRequest, options: ReplyOptions): Reply {
  const { behaviour } = options;
  if (behaviour.events) return { frames: behaviour.events.map((e) => event(e.type, e.payload)), credits: 0 };
  const start = options.initialResponse ? [event('initial-response', {})] : [];
  const output = outputFrames(valid, options);
  const breaking = breakingFrame(behaviour);
  if (breaking) return { frames: [...start, ...output.slice(0, Math.ceil(output.length / 2)), breaking], credits: 0 };
  const outputTokens = Math.ceil(outputBytes(output) / BYTES_PER_TOKEN);
  const calledTool = output.some((frame) => frame.kind === 'event' && frame.type === 'toolUseEvent');
  const used = (100 * (valid.inputTokens + outputTokens)) / valid.model.maxInputTokens;
  const credits = Math.round(valid.model.rateMultiplier * (valid.inputTokens + 5 * outputTokens) * 10) / 1_000_000;
  const end = [
    event('metadataEvent', { stopReason: behaviour.stopReason ?? (calledTool ? 'TOOL_USE' : 'END_TURN') }),
    event('contextUsageEvent', { contextUsagePercentage: used }),
    event('meteringEvent', { usage: credits, unit: 'credit', unitPlural: 'credits' }),
  ];
  return { frames: [...start, ...output, ...end], credits };
}
