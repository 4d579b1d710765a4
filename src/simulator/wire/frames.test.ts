import { EventStreamCodec } from '@smithy/eventstream-codec';
import { fromUtf8, toUtf8 } from '@smithy/util-utf8';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameEncoder } from './frames.js';

const codec = new EventStreamCodec(toUtf8, fromUtf8);
const encode = createFrameEncoder();
const decode = (bytes: Uint8Array) => {
  const { headers, body } = codec.decode(bytes);
  return { headers: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, v.value])), body: toUtf8(body) };
};

describe('event-stream frames', () => {
  it('are read back by the official codec, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('assistantResponseEvent', 'toolUseEvent', 'x', 'e'.repeat(255)),
        (content, type) => {
          const { headers, body } = decode(encode({ kind: 'event', type, payload: { content } }));
          expect(headers).toEqual({ ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' });
          expect(body).toBe(JSON.stringify({ content }));
        },
      ),
    );
  });

  it('carry exceptions with a payload', () => {
    const { headers, body } = decode(encode({ kind: 'exception', type: 'ThrottlingException', payload: { message: 'slow' } }));
    expect(headers[':message-type']).toBe('exception');
    expect(headers[':exception-type']).toBe('ThrottlingException');
    expect(JSON.parse(body)).toEqual({ message: 'slow' });
  });

  it('carry unmodelled errors in their headers alone', () => {
    const { headers, body } = decode(encode({ kind: 'error', code: 'InternalError', message: 'größer' }));
    expect(headers).toEqual({ ':message-type': 'error', ':error-code': 'InternalError', ':error-message': 'größer' });
    expect(body).toBe('');
  });
});
