/** Holds a reply to what the client asked for, because upstreams have no field for it: stop sequences, max_tokens, one tool call, the right stop reason. */
import type { ModelEvent, ModelEvents } from '../../upstreams/define.js';
import { createOutputGate, type OutputRules } from './outputGate.js';

/**
 * The same events within the rules. Text passes untouched but for what may become a stop sequence. When a rule ends the
 * reply, `stop` follows at once and the upstream's iteration is ended; the last `next()` waits until it is.
 */
export function enforceOutput(events: AsyncIterable<ModelEvents>, rules: OutputRules): AsyncIterable<ModelEvents> {
  return { [Symbol.asyncIterator]: () => iterate(events[Symbol.asyncIterator](), rules) };
}

type Result = IteratorResult<ModelEvents, undefined>;
const DONE: Result = { done: true, value: undefined };

/** Written out instead of a generator: one promise a piece. Events that all pass go on as the list they came in. */
function iterate(source: AsyncIterator<ModelEvents>, rules: OutputRules): AsyncIterator<ModelEvents, undefined> {
  const queue: ModelEvent[] = [];
  const gate = createOutputGate(rules, queue);
  let closing: Promise<unknown> | null = null;

  function within(events: ModelEvents): ModelEvents {
    let passed: ModelEvent[] | null = null;
    for (const [index, event] of events.entries()) {
      if (gate.passes(event)) {
        passed?.push(event);
        continue;
      }
      passed ??= events.slice(0, index);
      passed.push(...queue.splice(0));
      if (gate.ended) break;
    }
    return passed ?? events;
  }
  function take(result: IteratorResult<ModelEvents>): Result | Promise<Result> {
    if (result.done) {
      gate.flush();
      closing = Promise.resolve();
      if (queue.length > 0) return { done: false, value: queue.splice(0) };
      return DONE;
    }
    const value = within(result.value);
    if (gate.ended) closing = endSource();
    return value.length > 0 ? { done: false, value } : step();
  }
  // What the upstream says while it is being stopped is of no interest: the reply is complete.
  const endSource = async (): Promise<unknown> => source.return?.().catch(() => undefined);
  const step = (): Promise<Result> => (closing === null ? source.next().then(take) : closing.then(() => DONE));
  return {
    next: step,
    async return() {
      closing ??= endSource();
      await closing;
      return DONE;
    },
  };
}
