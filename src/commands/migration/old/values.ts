/** Values of the old tables as ours: columns came and went between releases, so each may be missing, null or of another type. */
import { safeText } from '../../../shared/safeText.js';

export type OldRow = Readonly<Record<string, unknown>>;

/** Cleaned text, or null: absent or empty. */
export function textOf(value: unknown, max: number): string | null {
  if (value === null || value === undefined) return null;
  const text = safeText(Buffer.isBuffer(value) ? value.toString('utf8') : String(value), max).trim();
  return text === '' ? null : text;
}

/** In lower case, or null where there is none that can be kept: a shortened one would be somebody else's. */
export function emailOf(row: OldRow): string | null {
  return textOf(row.email, 254)?.toLowerCase() ?? null;
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

export function idOf(value: unknown): string | null {
  const text = typeof value === 'number' ? String(value) : textOf(value, 64);
  return text !== null && /^[A-Za-z0-9_.:-]{1,64}$/.test(text) ? text : null;
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
