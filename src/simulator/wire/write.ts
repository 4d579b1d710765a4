/** Writes a reply's frames to a socket at a given pace: gaps, cuts, stalls, odd byte splits, with back-pressure. */
import type { ServerResponse } from 'node:http';

export interface Pace {
  /** ms before each frame but the first. */
  gapMs(): number;
  /** Destroy the socket after so many frames. */
  readonly cutAfter: number | null;
  /** Say nothing more after so many frames. */
  readonly stallAfter: number | null;
  readonly splitBytes: number | null;
  /** Called just before the socket is destroyed. */
  onCut(): void;
}

/** Resolves after `ms`, or as soon as the response is closed. */
export function pause(res: ServerResponse, ms: number): Promise<void> {
  if (res.closed || ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      res.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    res.once('close', done);
  });
}

function closed(res: ServerResponse): Promise<void> {
  return res.closed ? Promise.resolve() : new Promise((resolve) => res.once('close', () => resolve()));
}

/** Resolves when the bytes were taken by the kernel or the response is closed. */
function writeOut(res: ServerResponse, bytes: Uint8Array): Promise<void> {
  if (res.closed || res.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('close', done);
      resolve();
    };
    res.once('close', done);
    res.write(bytes, done);
  });
}

function split(frames: readonly Buffer[], size: number): Buffer[] {
  const whole = Buffer.concat(frames);
  const pieces: Buffer[] = [];
  for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size));
  return pieces;
}

/** Resolves when the reply is whole, cut, or the client left. The head must have been written. */
export async function writeFrames(res: ServerResponse, frames: readonly Buffer[], pace: Pace): Promise<void> {
  const stop = Math.min(pace.cutAfter ?? Infinity, pace.stallAfter ?? Infinity, frames.length);
  const sent = frames.slice(0, stop);
  const pieces = pace.splitBytes === null ? sent : split(sent, pace.splitBytes);
  const stops = pace.cutAfter !== null || pace.stallAfter !== null;
  const gap = pace.gapMs();
  if (gap <= 0 && !stops && pace.splitBytes === null) {
    res.end(Buffer.concat(pieces));
    return;
  }
  if (pieces.length === 0) res.flushHeaders();
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await pause(res, i === 1 ? gap : pace.gapMs());
    if (res.closed) return;
    await writeOut(res, piece);
  }
  if (pace.cutAfter !== null && pace.cutAfter <= (pace.stallAfter ?? Infinity)) {
    pace.onCut();
    res.destroy();
  } else if (pace.stallAfter !== null) await closed(res);
  else res.end();
}
