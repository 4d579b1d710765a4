/** Who wants to hear of what changed in the directory. */
import type { Logger } from 'pino';
import type { DirectoryChange } from './directoryPort.js';

export interface DirectoryListeners {
  /** Answers what ends it. */
  add(listener: (change: DirectoryChange) => void): () => void;
  /** One that throws keeps nobody else from being told. */
  tell(change: DirectoryChange): void;
  clear(): void;
}

export function createDirectoryListeners(logger: Logger): DirectoryListeners {
  const listeners = new Set<(change: DirectoryChange) => void>();
  return {
    add(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell({ users, keys, tokens, settings }) {
      if (users.size + keys.size + tokens.size === 0 && !settings) return;
      for (const listener of listeners) {
        try {
          listener({ users, keys, tokens, settings });
        } catch (error) {
          logger.error({ err: error }, 'a listener to the directory failed');
        }
      }
    },
    clear: () => listeners.clear(),
  };
}
