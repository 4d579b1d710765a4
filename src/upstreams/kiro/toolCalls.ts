/** Collects tool calls from toolUseEvents, whose input comes as text pieces, as one object or as a growing object (kiro-protocol C2 31–34). */
import { type ModelEvent, UpstreamFailure } from '../define.js';
import { createTextJoiner, type TextJoiner } from './textJoiner.js';

export interface ToolUsePayload {
  readonly toolUseId?: unknown;
  readonly name?: unknown;
  readonly input?: unknown;
  readonly stop?: unknown;
}

export interface ToolCalls {
  /** `raw`: strings of the payload hold bytes (see textJoiner). */
  event(payload: ToolUsePayload, raw: boolean): ModelEvent[];
  /**
   * Ends the calls that got no `stop`. Input that is not whole is a cut stream, unless the output limit cut it:
   * then the call stays without its `tool_end`. Throws UpstreamFailure `protocol`.
   */
  finish(cutByLimit: boolean): ModelEvent[];
  /** Calls that ended whole. */
  readonly finished: number;
}

interface OpenCall {
  readonly id: string;
  /** Text pieces so far; they have been passed on already. */
  text: string;
  /** The newest object; passed on at the end, because it may grow. */
  object: Record<string, unknown> | null;
  readonly joiner: TextJoiner;
}

/** `originalName` undoes the shortening of tool names; `onOutput` is told what counts as output. */
export function createToolCalls(options: {
  readonly originalName: (wire: string) => string;
  readonly onOutput: (text: string) => void;
}): ToolCalls {
  const open = new Map<string, OpenCall>();
  const closed = new Set<string>();
  let newest: string | null = null;
  let finished = 0;

  const close = (call: OpenCall, events: ModelEvent[]): void => {
    open.delete(call.id);
    closed.add(call.id);
    if (call.text.trim() === '') {
      // No arguments at all, or an object: one piece with the whole of it.
      const json = JSON.stringify(call.object ?? {});
      options.onOutput(json);
      events.push({ type: 'tool_input', id: call.id, json });
    }
    finished += 1;
    events.push({ type: 'tool_end', id: call.id });
  };

  const idOf = (payload: ToolUsePayload): string => {
    if (typeof payload.toolUseId === 'string' && payload.toolUseId !== '') return payload.toolUseId;
    if (newest !== null && payload.name === undefined) return newest;
    return `call_${open.size + closed.size + 1}`;
  };

  const take = (call: OpenCall, input: unknown, raw: boolean, events: ModelEvent[]): void => {
    if (typeof input === 'string') {
      const json = call.joiner.join(input, raw);
      if (json === '') return;
      call.text += json;
      options.onOutput(json);
      events.push({ type: 'tool_input', id: call.id, json });
    } else if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
      // An empty object is only the opening mark of a call whose pieces follow.
      if (Object.keys(input).length > 0) call.object = input as Record<string, unknown>;
    }
  };

  return {
    event(payload, raw) {
      const id = idOf(payload);
      const events: ModelEvent[] = [];
      // A second `stop`, or anything after the end of a call, adds nothing.
      if (closed.has(id)) return events;
      let call = open.get(id);
      if (!call) {
        const name = typeof payload.name === 'string' ? payload.name : '';
        if (name === '') throw new UpstreamFailure({ kind: 'protocol', message: 'The upstream began a tool call without a name.' });
        call = { id, text: '', object: null, joiner: createTextJoiner() };
        open.set(id, call);
        options.onOutput(name);
        events.push({ type: 'tool_start', id, name: options.originalName(name) });
      }
      newest = id;
      take(call, payload.input, raw, events);
      if (payload.stop === true) {
        if (!isWhole(call))
          throw new UpstreamFailure({ kind: 'protocol', message: 'The upstream ended a tool call whose arguments are not whole.' });
        close(call, events);
      }
      return events;
    },
    finish(cutByLimit) {
      const events: ModelEvent[] = [];
      for (const call of [...open.values()]) {
        // Without `stop`, silence is not "no arguments": only arguments that are there and whole are taken (pitfall 33).
        if ((call.object !== null || call.text.trim() !== '') && isWhole(call)) close(call, events);
        else if (!cutByLimit)
          throw new UpstreamFailure({ kind: 'protocol', message: 'The upstream cut a tool call before its arguments were whole.' });
      }
      return events;
    },
    get finished() {
      return finished;
    },
  };
}

/** Text pieces must make one JSON object; without pieces an object, or nothing at all, is whole. */
function isWhole(call: OpenCall): boolean {
  if (call.text.trim() === '') return true;
  try {
    const value: unknown = JSON.parse(call.text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
