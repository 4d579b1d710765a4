/** One conversation with a model: turns, the reply that is streaming, how it went. Kept in memory only. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError } from '../../api/errors';
import { type Ask, streamReply, type Turn } from './stream';

export interface Outcome {
  readonly requestId: string | null;
  readonly latencyMs: number;
  readonly input: number | null;
  readonly output: number | null;
  /** The reader stopped it. */
  readonly stopped: boolean;
}

export interface Conversation {
  readonly turns: readonly Turn[];
  /** Text of the running reply; null: none runs. */
  readonly running: string | null;
  readonly error: ApiError | null;
  readonly outcome: Outcome | null;
  send(text: string, settings: Omit<Ask, 'turns' | 'signal'>): void;
  stop(): void;
  clear(): void;
}

export function useConversation(): Conversation {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [running, setRunning] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const send = useCallback(
    (text: string, settings: Omit<Ask, 'turns' | 'signal'>) => {
      const asked: readonly Turn[] = [...turns, { role: 'user', content: text }];
      const controller = new AbortController();
      const started = performance.now();
      let reply = '';
      let facts: Pick<Outcome, 'requestId' | 'input' | 'output'> = { requestId: null, input: null, output: null };
      abort.current = controller;
      setTurns(asked);
      setRunning('');
      setError(null);
      setOutcome(null);

      async function run(): Promise<void> {
        for await (const piece of streamReply({ ...settings, turns: asked, signal: controller.signal }, (...one) => fetch(...one))) {
          if (piece.kind === 'text') {
            reply += piece.text;
            setRunning(reply);
          } else if (piece.kind === 'started') facts = { ...facts, requestId: piece.requestId };
          else facts = { ...facts, input: piece.input ?? facts.input, output: piece.output ?? facts.output };
        }
      }
      void run()
        .catch((thrown: unknown) => {
          if (controller.signal.aborted) return;
          setError(thrown instanceof ApiError ? thrown : new ApiError({ status: 0, code: 'network', message: '', cause: thrown }));
        })
        .finally(() => {
          if (reply !== '') setTurns([...asked, { role: 'assistant', content: reply }]);
          setRunning(null);
          setOutcome({ ...facts, latencyMs: Math.round(performance.now() - started), stopped: controller.signal.aborted });
        });
    },
    [turns],
  );

  return {
    turns,
    running,
    error,
    outcome,
    send,
    stop: () => abort.current?.abort(),
    clear: () => {
      abort.current?.abort();
      setTurns([]);
      setError(null);
      setOutcome(null);
    },
  };
}
