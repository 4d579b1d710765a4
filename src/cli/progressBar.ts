/** One line that moves on a terminal; a pipe gets no control characters. */

const WIDTH = 30;

/** undefined: standard error is no terminal. */
export function progressBar(name: string): ((done: number, total: number, unit: string) => void) | undefined {
  if (!process.stderr.isTTY) return undefined;
  return (done, total, unit) => {
    const filled = total === 0 ? WIDTH : Math.min(WIDTH, Math.round((done / total) * WIDTH));
    process.stderr.write(`\r${name} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${done}/${total} ${unit} `);
    if (done >= total) process.stderr.write('\n');
  };
}
