/** Columns of rows as PostgreSQL's binary arrays: `unnest` of them writes an archive row in a fifth of the time that JSON took. */
import { DatabaseError } from './errors.js';
import type { ColumnType } from './rows.js';

/** Numbers of the element types in pg_type. */
const elementTypes: Readonly<Record<ColumnType, number>> = { text: 25, bigint: 20, double: 701, boolean: 16 };
const HEADER = 20;
const TWO_TO_32 = 0x1_0000_0000;

/** The wire format of a one-dimensional array (`array_send` in PostgreSQL's arrayfuncs.c): header, then length and bytes of each element. */
export function binaryArray(type: ColumnType, values: readonly unknown[]): Buffer {
  const texts = type === 'text' ? values.map(asText) : null;
  const array = Buffer.allocUnsafe(HEADER + sizeOf(type, texts ?? values));
  // Dimensions (an empty array has none), "may hold nulls", element type, length, first index.
  array.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  array.writeInt32BE(1, 4);
  array.writeInt32BE(elementTypes[type], 8);
  array.writeInt32BE(values.length, 12);
  array.writeInt32BE(1, 16);
  let at = HEADER;
  for (const value of texts ?? values) {
    const length = value === null ? -1 : writeElement(array, at + 4, type, value);
    array.writeInt32BE(length, at);
    at += 4 + Math.max(length, 0);
  }
  return values.length === 0 ? array.subarray(0, 12) : array;
}

function sizeOf(type: ColumnType, values: readonly unknown[]): number {
  const fixed = type === 'boolean' ? 1 : 8;
  let size = 4 * values.length;
  for (const value of values) {
    if (value !== null) size += type === 'text' ? Buffer.byteLength(value as string) : fixed;
  }
  return size;
}

function writeElement(array: Buffer, at: number, type: ColumnType, value: unknown): number {
  switch (type) {
    case 'text':
      return array.write(value as string, at);
    case 'boolean':
      array[at] = value ? 1 : 0;
      return 1;
    case 'double':
      array.writeDoubleBE(Number(value), at);
      return 8;
    case 'bigint': {
      const number = Number(value);
      if (!Number.isInteger(number)) throw new DatabaseError('statement', 'a column of whole numbers was given another value');
      array.writeInt32BE(Math.floor(number / TWO_TO_32), at);
      array.writeUInt32BE(number >>> 0, at + 4);
      return 8;
    }
  }
}

function asText(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
