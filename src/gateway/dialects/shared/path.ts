/** Where in a client's body a value stands, and the refusal that names the place; built lazily, because the hot path never needs the text. */
import { AppError } from '../../../errors.js';
import { safeText } from '../../../shared/safeText.js';

export interface Path {
  readonly parent: Path | null;
  readonly key: string | number;
}

/** One step down: `at(at(null, 'messages'), 2)` is `messages[2]`. */
export function at(parent: Path | null, key: string | number): Path {
  return { parent, key };
}

/** `messages[2].content[0].type` */
export function pathText(path: Path): string {
  const keys: (string | number)[] = [];
  for (let step: Path | null = path; step !== null; step = step.parent) keys.push(step.key);
  return keysText(keys.reverse());
}

/** The same for a list of keys, as zod gives them. */
export function keysText(keys: readonly PropertyKey[]): string {
  let text = '';
  for (const key of keys) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? String(key) : `.${String(key)}`;
  }
  return text;
}

/** AppError `invalid_request` whose text begins with the place: `messages[0].role: must be …`. */
export function invalid(where: Path | string, problem: string): AppError {
  const param = typeof where === 'string' ? where : pathText(where);
  return new AppError('invalid_request', { message: `${param}: ${problem}`, param });
}

/** What a wrong value is, for a refusal. Never its text: that may be part of a prompt. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (value === '') return 'an empty string';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** A wrong discriminator (`role`, `type`) with its own word, bounded. */
export function quoted(value: unknown): string {
  return typeof value === 'string' && value !== '' ? `"${safeText(value, 60)}"` : describe(value);
}
