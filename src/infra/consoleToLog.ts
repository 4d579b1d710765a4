/** What libraries say on the console goes through the log: whoever collects it gets one JSON object a line, and nothing else. */
import { format } from 'node:util';
import type { Logger } from 'pino';
import { safeText } from '../shared/safeText.js';

const LEVELS = { error: 'error', warn: 'warn', info: 'info', log: 'info', debug: 'debug' } as const;
const MOST = 2_000;

/** Replaces the methods of `target`, which is the process's console. */
export function consoleToLog(target: Pick<Console, keyof typeof LEVELS>, logger: Logger): void {
  for (const [method, level] of Object.entries(LEVELS) as [keyof typeof LEVELS, 'error' | 'warn' | 'info' | 'debug'][]) {
    target[method] = (...words: unknown[]): void => logger[level]({ from: 'console' }, safeText(format(...words), MOST));
  }
}
