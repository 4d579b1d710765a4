/** A component of a chunk of its own. Where it cannot be had it says so in its place, and the rest of the page lives on. */
import { type ComponentType, type FunctionComponent, type ReactNode, useEffect, useSyncExternalStore } from 'react';
import { Failed, Loading } from '../components/states';
import { type Chunk, createChunk } from './chunk';
import { browserRenewal, renewOnce } from './renewal';

export interface LazyOptions<P> {
  /** While it loads. Default: the skeleton of a page. */
  readonly waiting?: (props: P) => ReactNode;
  /** Around what is shown in its place. */
  readonly frame?: (inside: ReactNode) => ReactNode;
}

/** Unlike React's own it never holds a navigation back: the place is there at once, and filled when the chunk has come. */
export function lazyPart<P extends object>(load: () => Promise<ComponentType<P>>, options: LazyOptions<P> = {}): FunctionComponent<P> {
  const { waiting = () => <Loading rows={8} />, frame = (inside) => inside } = options;
  const chunk = createChunk(load, { renew: () => renewOnce(browserRenewal()), later });
  return (props) => <Part chunk={chunk} given={props} waiting={waiting} frame={frame} />;
}

interface PartProps<P> extends Required<LazyOptions<P>> {
  readonly chunk: Chunk<ComponentType<P>>;
  readonly given: P;
}

function Part<P extends object>({ chunk, given, waiting, frame }: PartProps<P>) {
  const state = useSyncExternalStore(chunk.subscribe, chunk.state);
  useEffect(() => chunk.want(), [chunk]);
  if (state.status === 'there') return <state.value {...given} />;
  return frame(state.status === 'failed' ? <Failed error={state.error} retry={chunk.want} /> : waiting(given));
}

function later(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
