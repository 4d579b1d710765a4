/** Cuts a byte stream into AWS event-stream frames and decodes them with the SDK's codec (kiro-protocol B7). */
import { crc32 } from 'node:zlib';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { UpstreamFailure } from '../define.js';

export interface Frame {
  /** Text headers by name, for example `:event-type`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Buffer;
}

export interface FrameSplitter {
  /** Calls `take` with each frame that this chunk completes, in order. Throws UpstreamFailure `protocol` at the first broken one, and what `take` throws. */
  push(chunk: Buffer, take: (frame: Frame) => void): void;
  /** Bytes of a frame that has not ended; anything but 0 at the end of the stream means it was cut. */
  readonly pending: number;
}

const preludeLength = 12;
const minFrame = 16;
const maxFrame = 16 * 1024 * 1024;

const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === 'string' ? bytes : view(bytes).toString('utf8')),
  (text) => Buffer.from(text, 'utf8'),
);

function broken(message: string, cause?: unknown): UpstreamFailure {
  return new UpstreamFailure({ kind: 'protocol', message, cause });
}

/** Decodes the whole frame of `length` bytes that starts at `at`; without them, all of `bytes`. Throws UpstreamFailure `protocol` on a wrong checksum or headers that do not fit. */
export type DecodeFrame = (bytes: Buffer, at?: number, length?: number) => Frame;

interface KnownBlock {
  readonly block: Buffer;
  readonly headers: Frame['headers'];
}

const isBlock = ({ block }: KnownBlock, bytes: Buffer, from: number, end: number): boolean =>
  block.length === end - from && bytes.compare(block, 0, block.length, from, end) === 0;

/** Blocks of headers worth remembering: a reply has some eight kinds of events, and every frame of a kind has equal headers. */
const rememberedBlocks = 32;

/**
 * A decoder that reads each distinct block of headers once and then knows it by its bytes: 0.9 µs a frame
 * instead of 4.9 (Node 20), checksums included. One for the process; it holds at most 32 blocks.
 */
export function createFrameDecoder(): DecodeFrame {
  const known: KnownBlock[] = [];
  let last: KnownBlock | undefined;
  return (bytes, at = 0, length = bytes.length) => {
    const from = at + preludeLength;
    const end = from + bytes.readUInt32BE(at + 4);
    const sum = at + length - 4;
    if (end <= sum) {
      // Pieces of text follow each other by the hundred.
      if (last === undefined || !isBlock(last, bytes, from, end)) last = known.find((one) => isBlock(one, bytes, from, end));
      if (last !== undefined) {
        if (crc32(bytes.subarray(at, sum)) !== bytes.readUInt32BE(sum)) throw broken('The upstream sent a damaged frame.');
        return { headers: last.headers, payload: bytes.subarray(end, sum) };
      }
    }
    const frame = decodeFrame(bytes, at, length);
    if (known.length < rememberedBlocks && end - from <= 512)
      known.push({ block: Buffer.from(bytes.subarray(from, end)), headers: frame.headers });
    return frame;
  };
}

/** See `DecodeFrame`; by the codec alone. */
export function decodeFrame(source: Buffer, at = 0, length = source.length): Frame {
  const bytes = source.subarray(at, at + length);
  try {
    const message = codec.decode(bytes);
    const headers: Record<string, string> = {};
    for (const name in message.headers) {
      const header = message.headers[name];
      if (header?.type === 'string') headers[name] = header.value;
    }
    return { headers, payload: view(message.body) };
  } catch (error) {
    // The codec has verified both checksums before it reads headers, so a frame with a new header type is whole.
    if (error instanceof Error && /unrecognized header type/i.test(error.message)) return decodeKnownHeaders(bytes);
    throw broken('The upstream sent a damaged frame.', error);
  }
}

/** Bytes of a header value by its type 0–9; 6 and 7 carry their own length. */
const valueLengths = [0, 0, 1, 2, 4, 8, -1, -1, 8, 16] as const;

/** Text headers up to the first of a type we do not know: its length is unknown, so what follows it is skipped. */
function decodeKnownHeaders(bytes: Buffer): Frame {
  const end = preludeLength + bytes.readUInt32BE(4);
  const headers: Record<string, string> = {};
  for (let at = preludeLength; at < end; ) {
    const nameEnd = at + 1 + bytes.readUInt8(at);
    const type = bytes.readUInt8(nameEnd);
    const fixed = valueLengths[type];
    if (fixed === undefined) break;
    const start = nameEnd + (fixed < 0 ? 3 : 1);
    const length = fixed < 0 ? bytes.readUInt16BE(nameEnd + 1) : fixed;
    if (type === 7) headers[bytes.toString('utf8', at + 1, nameEnd)] = bytes.toString('utf8', start, start + length);
    at = start + length;
  }
  return { headers, payload: bytes.subarray(end, bytes.length - 4) };
}

/**
 * Length of the frame that starts at `at`. A damaged length must not make us wait for 16 MiB, so the prelude's own checksum
 * is looked at while the frame is not whole; the one of the whole frame covers the prelude too.
 */
function frameLength(buffer: Buffer, at: number): number {
  const length = buffer.readUInt32BE(at);
  if (length < minFrame || length > maxFrame) throw broken(`The upstream announced a frame of ${length} bytes.`);
  if (buffer.length - at < length && crc32(buffer.subarray(at, at + 8)) !== buffer.readUInt32BE(at + 8))
    throw broken('The upstream sent a damaged frame.');
  return length;
}

export function createFrameSplitter(decode: DecodeFrame = decodeFrame): FrameSplitter {
  /** Pieces of the frame under way; joined once it is whole, so a large frame is copied once and not once per chunk. */
  let pieces: Buffer[] = [];
  let pending = 0;
  let needed = preludeLength;
  return {
    get pending() {
      return pending;
    },
    push(chunk, take) {
      if (chunk.length === 0) return;
      pieces.push(chunk);
      pending += chunk.length;
      if (pending < needed) return;
      const buffer = pieces.length === 1 ? chunk : Buffer.concat(pieces, pending);
      let at = 0;
      needed = preludeLength;
      while (buffer.length - at >= preludeLength) {
        const length = frameLength(buffer, at);
        if (buffer.length - at < length) {
          needed = length;
          break;
        }
        take(decode(buffer, at, length));
        at += length;
      }
      pending = buffer.length - at;
      pieces = pending === 0 ? [] : [buffer.subarray(at)];
    },
  };
}
