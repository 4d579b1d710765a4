/** Encodes AWS event-stream frames (kiro-protocol B7); the tests decode them with the official codec. */
import { crc32 } from 'node:zlib';

/** One thing the reply stream says. */
export type ReplyFrame =
  | { readonly kind: 'event'; readonly type: string; readonly payload: unknown }
  /** A modelled exception in the stream, for example `ThrottlingException`. */
  | { readonly kind: 'exception'; readonly type: string; readonly payload: unknown }
  /** An unmodelled error: its detail stands in the headers and there is no payload. */
  | { readonly kind: 'error'; readonly code: string; readonly message: string };

const STRING_HEADER = 7;
/** Prelude (8), its checksum (4), the message's checksum (4). */
const OVERHEAD = 16;

function encodeHeaders(headers: readonly (readonly [string, string])[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of headers) {
    const nameBytes = Buffer.from(name);
    const valueBytes = Buffer.from(value);
    const head = Buffer.alloc(nameBytes.length + 4);
    head.writeUInt8(nameBytes.length, 0);
    nameBytes.copy(head, 1);
    head.writeUInt8(STRING_HEADER, nameBytes.length + 1);
    head.writeUInt16BE(valueBytes.length, nameBytes.length + 2);
    parts.push(head, valueBytes);
  }
  return Buffer.concat(parts);
}

function encodeMessage(headers: Buffer, payload: string): Buffer {
  const payloadBytes = Buffer.byteLength(payload);
  const total = OVERHEAD + headers.length + payloadBytes;
  const out = Buffer.allocUnsafe(total);
  out.writeUInt32BE(total, 0);
  out.writeUInt32BE(headers.length, 4);
  out.writeUInt32BE(crc32(out.subarray(0, 8)), 8);
  headers.copy(out, 12);
  out.write(payload, 12 + headers.length);
  out.writeUInt32BE(crc32(out.subarray(0, total - 4)), total - 4);
  return out;
}

/** An encoder of frames. It keeps the header block of each event type it has met (a few dozen at most). */
export function createFrameEncoder(): (frame: ReplyFrame) => Buffer {
  const known = new Map<string, Buffer>();
  const typed = (kind: 'event' | 'exception', type: string): Buffer => {
    const key = `${kind}:${type}`;
    let headers = known.get(key);
    if (!headers) {
      headers = encodeHeaders([
        [`:${kind}-type`, type],
        [':content-type', 'application/json'],
        [':message-type', kind],
      ]);
      if (known.size < 100) known.set(key, headers);
    }
    return headers;
  };
  return (frame) => {
    if (frame.kind !== 'error') return encodeMessage(typed(frame.kind, frame.type), JSON.stringify(frame.payload));
    return encodeMessage(
      encodeHeaders([
        [':message-type', 'error'],
        [':error-code', frame.code],
        [':error-message', frame.message],
      ]),
      '',
    );
  };
}
