/** One piece of the panels that is loaded when it is first wanted: where it stands, and another try when it could not be had. */
import { ApiError } from '../api/errors';

export type ChunkState<T> =
  | { readonly status: 'waiting' }
  | { readonly status: 'there'; readonly value: T }
  | { readonly status: 'failed'; readonly error: ApiError };

export interface Chunk<T> {
  /** The same object until something changes. */
  readonly state: () => ChunkState<T>;
  readonly subscribe: (listener: () => void) => () => void;
  /** Loads what is not there yet; also after a failure. */
  readonly want: () => void;
}

export interface ChunkDeps {
  /** After a failure. True: the page is being loaded anew, for there is a newer build. */
  readonly renew: () => Promise<boolean>;
  readonly later: (ms: number, run: () => void) => () => void;
}

/** A browser waits for minutes for a node that froze. What comes later still is taken. */
const longestMs = 20_000;

export function createChunk<T>(load: () => Promise<T>, { renew, later }: ChunkDeps): Chunk<T> {
  const waiting: ChunkState<T> = { status: 'waiting' };
  const listeners = new Set<() => void>();
  let state: ChunkState<T> = waiting;
  let loading = false;
  let cancelWait = (): void => undefined;

  function become(next: ChunkState<T>): void {
    state = next;
    for (const listener of listeners) listener();
  }

  function fail(cause: unknown): void {
    become({ status: 'failed', error: new ApiError({ status: 0, code: 'network', message: 'No answer came.', cause }) });
  }

  async function run(): Promise<void> {
    try {
      become({ status: 'there', value: await load() });
    } catch (error) {
      if (!(await renew().catch(() => false))) fail(error);
    } finally {
      cancelWait();
      loading = false;
    }
  }

  return {
    state: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    want() {
      if (state.status === 'there') return;
      if (state.status === 'failed') become(waiting);
      cancelWait();
      cancelWait = later(longestMs, () => fail(new DOMException('late', 'TimeoutError')));
      if (loading) return;
      loading = true;
      void run();
    },
  };
}
