/** Opens and closes the node's listener while it runs: one that is cut off must be refused by connection, so that balancers move on. */
import type { Logger } from 'pino';
import type { NodeServer } from './server.js';

export interface Listening {
  /** What is wanted from now on; done in the background, tried again until it holds. */
  set(open: boolean): void;
  /** Wants nothing any more; resolves when what is under way is over. */
  close(): Promise<void>;
}

const RETRY_MS = 1_000;

export function createListening(server: Pick<NodeServer, 'state' | 'stopListening' | 'listenAgain'>, logger: Logger): Listening {
  let isOpen = true;
  let wanted = true;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let wake = (): void => undefined;
  let working: Promise<void> | null = null;

  async function work(): Promise<void> {
    // A stopping node has closed its listener for good.
    while (!closed && server.state !== 'draining' && isOpen !== wanted) {
      const open = wanted;
      try {
        await (open ? server.listenAgain() : server.stopListening());
        isOpen = open;
      } catch (error) {
        logger.warn({ err: error }, 'the port cannot be listened on again; trying again');
        await new Promise<void>((resolve) => {
          timer = setTimeout(resolve, RETRY_MS).unref();
          wake = resolve;
        });
      }
    }
  }

  function start(): void {
    working ??= work().finally(() => {
      working = null;
      // Something else was wanted in the moment in which the work was over.
      if (isOpen !== wanted && !closed && server.state !== 'draining') start();
    });
  }

  return {
    set(open) {
      wanted = open;
      start();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      wake();
      await working;
    },
  };
}
