/** Values of the old tables as ours: columns came and went between releases, so each may be missing, null or of another type. */
import { safeText } from '../../../shared/safeText.js';

export type OldRow = Readonly<Record<string, unknown>>;

/** Cleaned text, or null: absent or empty. */
export function textOf(value: unknown, max: number): string | null {
  return cleaned(value, max)?.text ?? null;
}

export interface Cleaned {
  readonly text: string;
  /** What became of it that the operator should know: ready to stand behind the name of the column. */
  readonly changes: readonly string[];
}

/** As `textOf`, with what had to be done: signs that no store keeps become blanks, and what is too long is cut. */
export function cleaned(value: unknown, max: number): Cleaned | null {
  if (value === null || value === undefined) return null;
  const given = (Buffer.isBuffer(value) ? value.toString('utf8') : String(value)).replaceAll('\r\n', '\n').trim();
  const clean = safeText(given, given.length);
  const text = safeText(clean, max).trim();
  if (text === '') return null;
  const changes = [
    ...(clean === given ? [] : ['held characters that cannot be kept (NUL, control characters, half pairs): they were replaced']),
    ...(clean.length > max ? [`was ${clean.length} characters long: it was cut to ${max}`] : []),
  ];
  return { text, changes };
}

/** Text that names somebody or something: shortened or mended it would be somebody else's, so it is whole or null. */
export function wholeText(value: unknown, max: number): string | null {
  const found = cleaned(value, max);
  return found === null || found.changes.length > 0 ? null : found.text;
}

/** Is there something in the cell? */
export const isFilled = (value: unknown): boolean => textOf(value, 1) !== null;

/** In lower case. */
export function emailOf(row: OldRow): string | null {
  return wholeText(row.email, 254)?.toLowerCase() ?? null;
}

/** What a cell holds, short enough to be told. */
export function shown(value: unknown): string {
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : JSON.stringify(textOf(value, 40) ?? '');
}

/** Untouched, for what is hashed or decrypted. */
export function exactText(value: unknown): string | null {
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Beyond 2^53 only as text, which is how such integers are read: as numbers many would be one. */
export function idOf(value: unknown): string | null {
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? String(value) : null;
  const text = wholeText(value, 64);
  return text !== null && /^[A-Za-z0-9_.:-]{1,64}$/.test(text) ? text : null;
}

/** What tells the row to people, where it has no usable id. */
export function rowName(row: OldRow): string {
  return idOf(row.id) ?? textOf(row.id, 64) ?? (row._row === null ? 'a row without an id' : `row ${row._row}`);
}

/** 0/1, and the words that settings were stored as. */
export function boolOf(value: unknown, fallback: boolean): boolean {
  if (value === null || value === undefined || value === '') return fallback;
  if (typeof value === 'boolean') return value;
  return ['1', 'true', 'yes', 'on'].includes(String(value).trim().toLowerCase());
}

export function countOf(value: unknown): number | null {
  const number = Number(value);
  return value !== null && value !== undefined && value !== '' && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

const FIRST = Date.UTC(2000, 0);
const LAST = Date.UTC(2100, 0);

/** ms since epoch from milliseconds, seconds or ISO text; null when it is no time of this century. */
export function timeOf(value: unknown): number | null {
  const raw = typeof value === 'string' && !/^\d+(\.\d+)?$/.test(value) ? Date.parse(value) : Number(value ?? Number.NaN);
  const ms = Math.trunc(raw < 1e11 ? raw * 1_000 : raw);
  return ms >= FIRST && ms < LAST ? ms : null;
}
