/**
 * Directives inside a user's text, so that any client can drive the simulator through any gateway:
 *
 *   [[sim tool NAME {json}]]              call that tool when it is offered; several make parallel calls
 *   [[sim next]]                          what follows holds for the turn after the tool results, and so on
 *   [[sim think TEXT]]                    think this before answering
 *   [[sim say TEXT]]                      answer this instead of the echo
 *   [[sim words N]]                       answer N words
 *   [[sim quiet]]                         no text, only thinking and tool calls
 *   [[sim empty]]                         a 200 with no output
 *   [[sim delay MS]]                      wait before the first byte
 *   [[sim hold]]                          wait before the first byte until the simulator is told to release
 *   [[sim gap MS]]                        wait between frames
 *   [[sim cut N]]                         destroy the socket after N frames
 *   [[sim stall N]]                       send N frames, then nothing until the client leaves
 *   [[sim split N]]                       write the bytes in pieces of N
 *   [[sim error STATUS REASON message]]   refuse with this status; REASON `-` sends null; 200 hides an error in a success
 *   [[sim exception NAME message]]        an exception frame half-way
 *   [[sim fail CODE message]]             an error frame half-way
 *   [[sim invalid REASON message]]        an invalidStateEvent half-way
 *   [[sim stop REASON]]                   end with this stop reason
 *   [[sim interleave]]                    the pieces of several tool calls in turn
 *   [[sim input pieces|object|growing]]   how tool input is sent
 *
 * After a tool's result has come back (and no `next` part is left) the answer quotes the result.
 * A directive that is not well-formed stays in the text as it is.
 */
import type { Behaviour } from './behaviour.js';

export interface ParsedText {
  /** The text without its directives. */
  readonly rest: string;
  /** One behaviour for each turn; never empty. */
  readonly turns: readonly Behaviour[];
}

const OPEN = '[[sim ';
const CLOSE = ']]';

/** Cheap test before parsing. */
export function hasDirectives(text: string): boolean {
  return text.includes(OPEN);
}

/** Index just behind the JSON object that starts at `start`, or -1. */
function endOfObject(text: string, start: number): number {
  let depth = 0;
  let quoted = false;
  for (let i = start; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i += 1;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{') depth += 1;
    else if (c === '}' && --depth === 0) return i + 1;
  }
  return -1;
}

function readTool(args: string): Behaviour | undefined {
  const [, name, json] = /^(\S+)\s*(\{.*\})?\s*$/s.exec(args) ?? [];
  if (name === undefined) return undefined;
  try {
    return { tools: [{ name, input: JSON.parse(json ?? '{}') as Record<string, unknown> }] };
  } catch {
    return undefined;
  }
}

function readNumber(args: string, most: number): number | undefined {
  return /^\d{1,9}$/.test(args) ? Math.min(Number(args), most) : undefined;
}

function numeric(member: 'delayMs' | 'gapMs' | 'words' | 'cutAfter' | 'stallAfter' | 'splitBytes', args: string): Behaviour | undefined {
  const value = readNumber(args, 1_000_000);
  return value === undefined || (member === 'splitBytes' && value === 0) ? undefined : { [member]: value };
}

/** `WORD rest of it` → both parts. */
function headAndRest(args: string): { readonly head: string; readonly rest: string } {
  const [, head = '', rest = ''] = /^(\S*)\s*(.*)$/s.exec(args) ?? [];
  return { head, rest };
}

function readError(args: string): Behaviour | undefined {
  const { head: status, rest } = headAndRest(args);
  const { head: reason, rest: message } = headAndRest(rest);
  if (!/^[2-5]\d\d$/.test(status)) return undefined;
  const named = reason === '' || reason === '-' ? null : reason;
  return { error: { status: Number(status), reason: named, message: message === '' ? 'Simulated error.' : message } };
}

function readDirective(verb: string, args: string): Behaviour | undefined {
  const { head, rest } = headAndRest(args);
  const message = rest === '' ? 'Simulated.' : rest;
  switch (verb) {
    case 'tool':
      return readTool(args);
    case 'think':
      return { think: args };
    case 'say':
      return { text: args };
    case 'words':
      return numeric('words', args);
    case 'delay':
      return numeric('delayMs', args);
    case 'gap':
      return numeric('gapMs', args);
    case 'cut':
      return numeric('cutAfter', args);
    case 'stall':
      return numeric('stallAfter', args);
    case 'split':
      return numeric('splitBytes', args);
    case 'hold':
      return { hold: true };
    case 'quiet':
      return { quiet: true };
    case 'empty':
      return { empty: true };
    case 'interleave':
      return { interleave: true };
    case 'error':
      return readError(args);
    case 'stop':
      return head === '' ? undefined : { stopReason: head };
    case 'exception':
      return head === '' ? undefined : { exception: { type: head, message } };
    case 'fail':
      return head === '' ? undefined : { errorFrame: { code: head, message } };
    case 'invalid':
      return head === '' ? undefined : { invalidState: { reason: head, message } };
    case 'input':
      return head === 'pieces' || head === 'object' || head === 'growing' ? { toolInput: head } : undefined;
    default:
      return undefined;
  }
}

interface Found {
  readonly verb: string;
  readonly args: string;
  /** Index just behind the directive. */
  readonly end: number;
}

function findDirective(text: string, start: number): Found | undefined {
  const body = start + OPEN.length;
  const verb = /^[a-z]+/.exec(text.slice(body, body + 20))?.[0];
  if (verb === undefined) return undefined;
  const argsFrom = body + verb.length;
  const brace = verb === 'tool' ? /^\s+[^\s{}[\]]+\s*(?=\{)/.exec(text.slice(argsFrom, argsFrom + 200)) : null;
  const closeFrom = brace ? endOfObject(text, argsFrom + brace[0].length) : argsFrom;
  const close = closeFrom < 0 ? -1 : text.indexOf(CLOSE, closeFrom);
  return close < 0 ? undefined : { verb, args: text.slice(argsFrom, close).trim(), end: close + CLOSE.length };
}

/** Reads and removes the directives of one text. */
export function parseDirectives(text: string): ParsedText {
  const turns: Behaviour[] = [{}];
  let rest = '';
  let at = 0;
  for (let open = text.indexOf(OPEN); open >= 0; open = text.indexOf(OPEN, at)) {
    const found = findDirective(text, open);
    const last = turns.length - 1;
    const current = turns[last] ?? {};
    const part = found && found.verb !== 'next' ? readDirective(found.verb, found.args) : undefined;
    if (found && (part || found.verb === 'next')) {
      rest += text.slice(at, open);
      at = found.end;
      if (part) turns[last] = { ...current, ...part, ...(part.tools ? { tools: [...(current.tools ?? []), ...part.tools] } : {}) };
      else turns.push({});
    } else {
      rest += text.slice(at, open + OPEN.length);
      at = open + OPEN.length;
    }
  }
  return { rest: (rest + text.slice(at)).trim(), turns };
}
