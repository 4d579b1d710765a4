/** Verbs that are told to end take back what they began. */

const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const signals = Object.keys(CODES) as (keyof typeof CODES)[];

/** At a signal `undo` runs and the process ends, with the code that shells know it by. The answer ends the watch. */
export function undoOnSignal(undo: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    try {
      undo();
    } finally {
      process.exit(CODES[signal as keyof typeof CODES]);
    }
  };
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}
