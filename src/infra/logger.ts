/** Structured logs on standard output: one JSON object a line, secrets redacted by name as the last line of defence. */
import { type DestinationStream, type Logger, pino } from 'pino';

const secretNames = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'refreshToken',
  'accessToken',
  'apiKey',
  'clientSecret',
  'key',
  'token',
  'x-api-key',
];

/** Creates the process's logger. `level` is a pino level; `destination` defaults to standard output. */
export function createLogger(options: { level: string; nodeId: string; destination?: DestinationStream }): Logger {
  const settings = {
    level: options.level,
    base: { node: options.nodeId },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: secretNames.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]), censor: '[redacted]' },
  };
  return options.destination ? pino(settings, options.destination) : pino(settings);
}
