/** Requests that come while the node starts wait for its handler, so that a restart behind a balancer fails none of them. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

export interface WaitingRoom {
  /** Keeps the request until `open`; refuses it when the room is full, and after `longestMs`. */
  enter(req: IncomingMessage, res: ServerResponse): void;
  /** Hands over everyone who still waits, in the order they came. */
  open(handler: Handler): void;
}

export interface WaitingRoomOptions {
  readonly capacity: number;
  readonly longestMs: number;
  readonly refuse: Handler;
}

/** A body is not read while its request waits, so each costs no more than a socket's buffers. */
export function createWaitingRoom({ capacity, longestMs, refuse }: WaitingRoomOptions): WaitingRoom {
  const waiting = new Map<ServerResponse, { req: IncomingMessage; timer: NodeJS.Timeout }>();
  const leave = (res: ServerResponse): IncomingMessage | undefined => {
    const visit = waiting.get(res);
    clearTimeout(visit?.timer);
    waiting.delete(res);
    return visit?.req;
  };
  return {
    enter(req, res) {
      if (waiting.size >= capacity) return refuse(req, res);
      const timer = setTimeout(() => {
        leave(res);
        refuse(req, res);
      }, longestMs);
      waiting.set(res, { req, timer });
      res.once('close', () => leave(res));
    },
    open(handler) {
      for (const res of [...waiting.keys()]) {
        const req = leave(res);
        if (req !== undefined) handler(req, res);
      }
    },
  };
}
