/** Holds a reply to what the client asked for, because upstreams have no field for it: stop sequences, max_tokens, one tool call, the right stop reason. */
import type { ModelEvent } from '../../upstreams/define.js';
import { createOutputGate, type OutputRules } from './outputGate.js';

/**
 * The same events within the rules. Text passes untouched but for what may become a stop sequence. When a rule ends the
 * reply, `stop` follows at once and the upstream's iteration is ended; the last `next()` waits until it is.
 */
export function enforceOutput(events: AsyncIterable<ModelEvent>, rules: OutputRules): AsyncIterable<ModelEvent> {
  return { [Symbol.asyncIterator]: () => iterate(events[Symbol.asyncIterator](), rules) };
}

type Result = IteratorResult<ModelEvent, undefined>;
const DONE: Result = { done: true, value: undefined };

/** Written out instead of a generator: one promise an event. An event that passes allocates nothing more than its result. */
function iterate(source: AsyncIterator<ModelEvent>, rules: OutputRules): AsyncIterator<ModelEvent, undefined> {
  const queue: ModelEvent[] = [];
  const gate = createOutputGate(rules, queue);
  let closing: Promise<unknown> | null = null;

  const take = (result: IteratorResult<ModelEvent>): Result | Promise<Result> => {
    if (result.done) {
      gate.flush();
      closing = Promise.resolve();
    } else {
      if (gate.passes(result.value)) return result;
      if (gate.ended) closing = endSource();
    }
    return step();
  };
  // What the upstream says while it is being stopped is of no interest: the reply is complete.
  const endSource = async (): Promise<unknown> => source.return?.().catch(() => undefined);
  const step = (): Result | Promise<Result> => {
    const value = queue.shift();
    if (value !== undefined) return { done: false, value };
    if (closing !== null) return closing.then(() => DONE);
    return source.next().then(take);
  };
  return {
    next: () => Promise.resolve(step()),
    async return() {
      closing ??= endSource();
      queue.length = 0;
      await closing;
      return DONE;
    },
  };
}
