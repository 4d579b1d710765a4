/** The responses dialect passes the contract of all dialects, read as strict clients read, and as the official SDK puts a stream together. */
import fc from 'fast-check';
import { accumulateResponse } from 'openai/lib/responses/ResponseAccumulator';
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../errors.js';
import { context, dialectContract, type Frame, readFrames, rendered, replies } from './contract.js';
import type { ToolForms } from './openaiResponses/names.js';
import { openaiResponses } from './openaiResponses.js';

const terminal = ['response.completed', 'response.incomplete', 'response.failed'];

/** The last event's response; throws where the events before it break the API's rules or tell another story. */
function join(frames: readonly Frame[]): unknown {
  const events = frames.map(({ event, data }, index) => {
    const read = data as ResponseStreamEvent;
    if (read.type !== event || read.sequence_number !== index) throw new Error(`a strange frame: ${event} at ${index}`);
    return read;
  });
  const [created, progress] = events;
  if (created?.type !== 'response.created' || progress?.type !== 'response.in_progress') throw new Error('no beginning');
  const end = events.pop();
  if (end === undefined || !terminal.includes(end.type)) throw new Error('no end');
  let snapshot: Response | undefined;
  for (const event of events) {
    follow(event, snapshot);
    snapshot = accumulateResponse(event, snapshot);
  }
  const response = (end as { response: Response }).response;
  expect(snapshot?.output).toEqual(response.output);
  if (response.output.some((item) => 'status' in item && item.status === 'in_progress')) throw new Error('an item left open');
  return response;
}

/** The state an event needs, and what its `done` must repeat. */
function follow(event: ResponseStreamEvent, snapshot: Response | undefined): void {
  if (!('output_index' in event)) return;
  const output = snapshot?.output ?? [];
  if (event.type === 'response.output_item.added') {
    if (event.output_index !== output.length) throw new Error('an item out of turn');
    return;
  }
  const item = output[event.output_index];
  if (event.output_index !== output.length - 1 || item === undefined) throw new Error('not the last item');
  if ('status' in item && item.status !== 'in_progress') throw new Error('an item that is closed');
  if ('item_id' in event && event.item_id !== item.id) throw new Error('another item');
  if (event.type === 'response.output_text.done') {
    if (item.type !== 'message' || item.content[0]?.type !== 'output_text' || item.content[0].text !== event.text)
      throw new Error('other text');
  } else if (event.type === 'response.function_call_arguments.done') {
    if (item.type !== 'function_call' || item.arguments !== event.arguments) throw new Error('other arguments');
  } else if (event.type === 'response.reasoning_summary_text.done') {
    if (item.type !== 'reasoning' || item.summary[0]?.text !== event.text) throw new Error('another summary');
  } else if (event.type === 'response.output_item.done' && event.item.id !== item.id) throw new Error('closed another item');
}

dialectContract({ dialect: openaiResponses, join });

describe('with free-form tools, namespaces and sealed thinking', () => {
  const forms: ToolForms = new Map([
    ['tool_a', { kind: 'custom', name: 'patch', namespace: null }],
    ['tool_b', { kind: 'function', name: 'list', namespace: 'mcp__files' }],
    ['tool_c', { kind: 'search', name: 'tool_search', namespace: null }],
  ]);
  const rich = { ...context, options: { forms, sealed: true, echo: { instructions: 'Be brief.', tools: [] } } };

  it('a whole response equals the concatenated stream', () => {
    fc.assert(
      fc.property(replies, (events) => {
        expect(join(readFrames(rendered(openaiResponses.stream(rich), events)))).toEqual(openaiResponses.whole(rich, events));
      }),
      { numRuns: 200 },
    );
  });

  it('a stream that breaks anywhere closes its items, says the error and ends as failed', () => {
    fc.assert(
      fc.property(replies, fc.nat(40), (events, cut) => {
        const renderer = openaiResponses.stream(rich);
        const text =
          renderer.start() +
          events
            .slice(0, cut)
            .map((event) => renderer.event(event))
            .join('');
        const frames = readFrames(text + renderer.fail(new AppError('upstream_error')));
        expect(frames.at(-2)).toMatchObject({ event: 'error', data: { code: 'upstream_error', error: { code: 'upstream_error' } } });
        expect(join(frames)).toMatchObject({ status: 'failed', error: { code: 'upstream_error' }, instructions: 'Be brief.' });
        expect(renderer.end()).toBe('');
      }),
      { numRuns: 200 },
    );
  });
});
