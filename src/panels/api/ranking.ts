/** Keyset pages over rows that are in memory: any order, and a cursor that names the last row seen, so that new rows shift nothing. */
import { z } from 'zod';
import { AppError } from '../../errors.js';

export type RankKey = number | string;

export interface Ranked<T> {
  readonly row: T;
  readonly key: RankKey;
  readonly id: string;
}

const place = z.tuple([z.union([z.number(), z.string().max(300)]), z.string().max(200)]);

/** Both numbers or both texts; ids decide between equals. Texts go by code unit, as the databases compare them. */
function compare(a: readonly [RankKey, string], b: readonly [RankKey, string]): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1;
  return a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0;
}

export function writePlace(key: RankKey, id: string): string {
  return Buffer.from(JSON.stringify([key, id])).toString('base64url');
}

/** Throws AppError `invalid_request` naming `cursor`: not ours, or of another order. */
export function readPlace(cursor: string, kind: 'number' | 'string'): readonly [RankKey, string] {
  const parsed = place.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString('utf8')));
  if (!parsed.success || typeof parsed.data[0] !== kind) {
    throw new AppError('invalid_request', { message: 'The cursor is not one of ours.', param: 'cursor' });
  }
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One page of `rows`. Throws `invalid_request` naming `cursor`. */
export function pageOfRanked<T>(
  rows: readonly Ranked<T>[],
  query: { readonly cursor?: string | undefined; readonly limit: number; readonly descending: boolean; readonly kind: 'number' | 'string' },
): { rows: T[]; nextCursor: string | null } {
  const sign = query.descending ? -1 : 1;
  const after = query.cursor === undefined ? undefined : readPlace(query.cursor, query.kind);
  const order = (a: Ranked<T>, b: Ranked<T>): number => sign * compare([a.key, a.id], [b.key, b.id]);
  const rest = after === undefined ? [...rows] : rows.filter((one) => sign * compare([one.key, one.id], after) > 0);
  const sorted = rest.sort(order);
  const shown = sorted.slice(0, query.limit);
  const last = shown.at(-1);
  return { rows: shown.map(({ row }) => row), nextCursor: sorted.length > query.limit && last ? writePlace(last.key, last.id) : null };
}
