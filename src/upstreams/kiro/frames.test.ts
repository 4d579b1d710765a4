import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, eventFrame, textFrame } from './fixtures.js';
import { createFrameDecoder, createFrameSplitter, decodeFrame, type Frame } from './frames.js';

/** Shared by all tests, as one is shared by all replies of a process. */
const decode = createFrameDecoder();

function split(chunks: readonly Buffer[]): { readonly frames: Frame[]; readonly pending: number } {
  const splitter = createFrameSplitter(decode);
  const frames: Frame[] = [];
  for (const chunk of chunks) splitter.push(chunk, (frame) => frames.push(frame));
  return { frames, pending: splitter.pending };
}

const contents = (frames: readonly Frame[]): string =>
  frames.map((frame) => (JSON.parse(frame.payload.toString('utf8')) as { content: string }).content).join('');

/** A frame with hand-made headers, checksums right. */
function rawFrame(headers: Buffer, payload: Buffer): Buffer {
  const frame = Buffer.alloc(16 + headers.length + payload.length);
  frame.writeUInt32BE(frame.length, 0);
  frame.writeUInt32BE(headers.length, 4);
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
  headers.copy(frame, 12);
  payload.copy(frame, 12 + headers.length);
  frame.writeUInt32BE(crc32(frame.subarray(0, frame.length - 4)), frame.length - 4);
  return frame;
}

describe('the frame splitter', () => {
  const stream = Buffer.concat([textFrame('Grüße, '), textFrame('世界 '), textFrame('👋🏽')]);

  it('pitfall 28: frames split at every byte offset', () => {
    for (let at = 0; at <= stream.length; at++) {
      const { frames, pending } = split([stream.subarray(0, at), stream.subarray(at)]);
      expect(contents(frames)).toBe('Grüße, 世界 👋🏽');
      expect(pending).toBe(0);
    }
  });

  it('pitfall 28: frames sent byte by byte, and many frames in one chunk', () => {
    expect(contents(split([...stream].map((byte) => Buffer.from([byte]))).frames)).toBe('Grüße, 世界 👋🏽');
    expect(split([Buffer.concat(Array.from({ length: 500 }, () => textFrame('x')))]).frames).toHaveLength(500);
  });

  it('pitfalls 28 and 29: any contents survive any chunking', () => {
    const cuts = fc.array(fc.nat({ max: 4_000 }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 20 }), cuts, (texts, offsets) => {
        const whole = Buffer.concat(texts.map(textFrame));
        const sorted = [0, ...offsets.map((offset) => Math.min(offset, whole.length)).sort((a, b) => a - b), whole.length];
        const chunks = sorted.slice(1).map((end, at) => whole.subarray(sorted[at], end));
        const { frames, pending } = split(chunks);
        expect(contents(frames)).toBe(texts.join(''));
        expect(pending).toBe(0);
      }),
    );
  });

  it('pitfall 28: a wrong checksum is a protocol failure, after the frames before it', () => {
    const bad = Buffer.from(textFrame('bad'));
    bad.writeUInt8(bad.readUInt8(bad.length - 6) ^ 1, bad.length - 6);
    const splitter = createFrameSplitter();
    const frames: Frame[] = [];
    expect(() => splitter.push(Buffer.concat([textFrame('good'), bad]), (frame) => frames.push(frame))).toThrowError(
      expect.objectContaining({ kind: 'protocol' }),
    );
    expect(contents(frames)).toBe('good');
  });

  it('pitfall 28: any single flipped bit is noticed', () => {
    const good = textFrame('Hello');
    fc.assert(
      fc.property(fc.nat({ max: good.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        const bad = Buffer.from(good);
        bad.writeUInt8(bad.readUInt8(at) ^ (1 << bit), at);
        expect(() => split([bad])).toThrowError(expect.objectContaining({ kind: 'protocol' }));
      }),
    );
  });

  it('pitfall 28: a truncated tail shows as pending bytes', () => {
    expect(split([stream.subarray(0, stream.length - 1)])).toMatchObject({ frames: [{}, {}] });
    expect(split([stream.subarray(0, stream.length - 1)]).pending).toBeGreaterThan(0);
    expect(split([stream.subarray(0, 5)]).pending).toBe(5);
  });

  it('pitfall 28: a payload of length 0 is a frame', () => {
    const { frames } = split([encodeFrame({ ':message-type': 'event', ':event-type': 'initial-response' }, '')]);
    expect(frames[0]?.payload.length).toBe(0);
  });

  it.each([0, 15, 16 * 1024 * 1024 + 1, 0xffffffff])('pitfall 28: an announced length of %i is refused at once', (length) => {
    const prelude = Buffer.alloc(12);
    prelude.writeUInt32BE(length, 0);
    prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
    expect(() => split([prelude])).toThrowError(expect.objectContaining({ kind: 'protocol' }));
  });

  it('pitfall 28: a damaged length is refused before its bytes have come', () => {
    const frame = Buffer.from(textFrame('x'));
    frame.writeUInt32BE(1_000_000, 0);
    expect(() => split([frame])).toThrowError(expect.objectContaining({ kind: 'protocol' }));
  });

  it('pitfall 28: headers that are longer than their frame are a protocol failure', () => {
    const frame = rawFrame(Buffer.from([200, 58, 101]), Buffer.from('{}'));
    expect(() => split([frame])).toThrowError(expect.objectContaining({ kind: 'protocol' }));
  });

  it('pitfall 39: headers of every known type are read over, an unknown type is skipped', () => {
    const text = Buffer.concat([Buffer.from([11]), Buffer.from(':event-type'), Buffer.from([7, 0, 3]), Buffer.from('abc')]);
    const known = Buffer.concat([
      Buffer.from([1, 97, 0]),
      Buffer.from([1, 98, 1]),
      Buffer.from([1, 99, 2, 5]),
      Buffer.from([1, 100, 3, 0, 5]),
      Buffer.from([1, 101, 4, 0, 0, 0, 5]),
      Buffer.from([1, 102, 5, 0, 0, 0, 0, 0, 0, 0, 5]),
      Buffer.from([1, 103, 6, 0, 2, 1, 2]),
      Buffer.from([1, 104, 8, 0, 0, 0, 0, 0, 0, 0, 5]),
      Buffer.concat([Buffer.from([1, 105, 9]), Buffer.alloc(16, 7)]),
    ]);
    for (const tail of [Buffer.alloc(0), Buffer.from([1, 122, 42, 1, 2, 3])]) {
      const { frames } = split([rawFrame(Buffer.concat([known, text, tail]), Buffer.from('{"a":1}'))]);
      expect(frames[0]?.headers).toEqual({ ':event-type': 'abc' });
      expect(frames[0]?.payload.toString()).toBe('{"a":1}');
    }
  });

  it('a decoder that remembers headers reads every frame as the codec does', () => {
    const remembering = createFrameDecoder();
    const type = fc.constantFrom('assistantResponseEvent', 'toolUseEvent', 'metadataEvent', '', 'é');
    fc.assert(
      fc.property(fc.array(fc.tuple(type, fc.string({ unit: 'grapheme' })), { maxLength: 80 }), (list) => {
        for (const [name, text] of list) {
          const frame = eventFrame(name, { text });
          expect(remembering(frame)).toEqual(decodeFrame(frame));
        }
      }),
    );
    for (let at = 0; at < 100; at++) expect(remembering(eventFrame(`event${at}`, {})).headers[':event-type']).toBe(`event${at}`);
  });

  it('copies a large frame once, however many chunks bring it', () => {
    const content = 'é'.repeat(2_000_000);
    const frame = eventFrame('assistantResponseEvent', { content });
    const chunks = Array.from({ length: Math.ceil(frame.length / 65_536) }, (_, at) => frame.subarray(at * 65_536, (at + 1) * 65_536));
    expect(contents(split(chunks).frames)).toBe(content);
  });
});
