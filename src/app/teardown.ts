/** What a start has begun, to be taken down in reverse. */
import type { Logger } from 'pino';

export interface Teardown {
  add(name: string, close: () => Promise<void> | void): void;
  /** Closes the newest first; one that fails does not keep the others. */
  run(): Promise<void>;
}

export function createTeardown(logger: Logger): Teardown {
  const steps: { name: string; close: () => Promise<void> | void }[] = [];
  return {
    add: (name, close) => void steps.push({ name, close }),
    async run() {
      for (let step = steps.pop(); step; step = steps.pop()) {
        try {
          await step.close();
        } catch (error) {
          logger.error({ err: error, step: step.name }, 'a part did not close cleanly');
        }
      }
    },
  };
}
