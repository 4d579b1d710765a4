/** A reply's tool calls as output items: functions, free-form tools and the search for tools, each in its own form. */
import type { BlockSink } from '../shared/blocks.js';
import { isObject } from '../shared/guards.js';
import { partialJson } from '../shared/partialJson.js';
import type { ToolForm } from './names.js';
import type { ItemEvents, ItemRef, OutputItem, Writer } from './writer.js';

/** How a call of each kind is written: only a function's arguments are a text that can leave in pieces. */
const callKinds = {
  function: { prefix: 'fc', type: 'function_call', member: 'arguments', empty: '' },
  custom: { prefix: 'ctc', type: 'custom_tool_call', member: 'input', empty: '' },
  search: { prefix: 'tsc', type: 'tool_search_call', member: 'arguments', empty: {} },
} as const;

export function toolBlocks(
  writer: Writer,
  events: ItemEvents,
  formOf: (name: string) => ToolForm | undefined,
): Pick<BlockSink, 'openTool' | 'input' | 'closeTool'> {
  let form: ToolForm;
  let base: OutputItem = {};
  let place: ItemRef;
  let input = '';
  let write: (delta: string) => void;
  const close = (value: unknown, finished: boolean): void => {
    writer.close({ ...base, [callKinds[form.kind].member]: value }, finished);
  };
  return {
    openTool(id, known) {
      form = formOf(known) ?? { kind: 'function', name: known, namespace: null };
      const { prefix, type, member, empty } = callKinds[form.kind];
      const named = form.kind === 'search' ? { execution: 'client' } : { name: form.name };
      base = { type, call_id: id, ...named, ...(form.namespace === null ? {} : { namespace: form.namespace }) };
      input = '';
      place = writer.open(prefix, { ...base, [member]: empty });
      write = form.kind === 'function' ? events.deltas('response.function_call_arguments.delta', { ...place }) : () => {};
    },
    input(json) {
      input += json;
      write(json);
    },
    closeTool(finished) {
      if (form.kind === 'search') return close(searchArguments(input), finished);
      if (form.kind === 'function') {
        events.event('response.function_call_arguments.done', { ...place, name: form.name, arguments: input });
        return close(input, finished);
      }
      // The raw text of a free-form tool stands inside JSON: it is known when that is whole.
      const text = freeform(input, finished);
      if (text !== '') events.event('response.custom_tool_call_input.delta', { ...place, delta: text });
      events.event('response.custom_tool_call_input.done', { ...place, input: text });
      close(text, finished);
    },
  };
}

function searchArguments(json: string): unknown {
  const value = partialJson(json);
  return isObject(value) ? value : {};
}

/** The raw text in a free-form call's JSON. A cut call keeps no half of it: a client may run what it gets. */
function freeform(json: string, finished: boolean): string {
  const value = partialJson(json);
  if (!isObject(value)) return finished ? json : '';
  if (typeof value.input === 'string') return value.input;
  // Models that name the one member otherwise mean the same.
  const [only, ...more] = Object.values(value);
  if (more.length === 0 && typeof only === 'string') return only;
  return finished && only !== undefined ? json : '';
}
