import { describe, expect, it } from 'vitest';
import { type Ask, canBeKey, type Piece, serverSentData, streamReply } from './stream';

function body(...chunks: readonly string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
      controller.close();
    },
  });
}

const ask = (dialect: Ask['dialect']): Ask => ({
  dialect,
  key: 'sk-test',
  model: 'm',
  system: 'be brief',
  maxTokens: 10,
  turns: [{ role: 'user', content: 'hello' }],
  signal: new AbortController().signal,
});

async function run(dialect: Ask['dialect'], answer: Response): Promise<{ pieces: Piece[]; sent: [string, RequestInit] }> {
  const sent: [string, RequestInit][] = [];
  const pieces: Piece[] = [];
  const reply = streamReply(ask(dialect), async (url, init = {}) => {
    sent.push([String(url), init]);
    return answer;
  });
  for await (const piece of reply) pieces.push(piece);
  return { pieces, sent: sent[0] ?? ['', {}] };
}

describe('the playground’s key', () => {
  it('is of characters that a key can have', () => {
    for (const key of ['sk-abc', 'proxy-key:refresh/token+=']) expect(canBeKey(key)).toBe(true);
    for (const key of ['sk-ключ', '密钥', 'sk-a…b', 'sk-a b', 'sk-a\u200bb']) expect(canBeKey(key)).toBe(false);
  });
});

describe('the playground’s stream', () => {
  it('reads data lines however the chunks are cut', async () => {
    const lines: string[] = [];
    for await (const line of serverSentData(body('da', 'ta: one\r\n\r\nevent: x\nda', 'ta:two\n\n: ping\n\ndata: three'))) lines.push(line);
    expect(lines).toEqual(['one', 'two', 'three']);
  });

  it('speaks to chat completions with the key alone', async () => {
    const { pieces, sent } = await run(
      'openai',
      new Response(
        body(
          'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\ndata: {"choices":[{"delta":{"content":"lo"}}]}\n\n',
          'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n',
        ),
        { headers: { 'x-request-id': 'r1' } },
      ),
    );
    expect(pieces).toEqual([
      { kind: 'started', requestId: 'r1' },
      { kind: 'text', text: 'Hel' },
      { kind: 'text', text: 'lo' },
      { kind: 'usage', input: 3, output: 2 },
    ]);
    expect(sent[0]).toBe('/v1/chat/completions');
    expect(sent[1]).toMatchObject({ credentials: 'omit', headers: { authorization: 'Bearer sk-test' } });
    expect(JSON.parse(String(sent[1].body))).toMatchObject({ stream: true, messages: [{ role: 'system' }, { role: 'user' }] });
  });

  it('speaks to messages', async () => {
    const { pieces, sent } = await run(
      'anthropic',
      new Response(
        body(
          'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":4}}}\n\n',
          'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}\n\n',
          'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":1}}\n\n',
        ),
      ),
    );
    expect(pieces.slice(1)).toEqual([
      { kind: 'usage', input: 4, output: null },
      { kind: 'text', text: 'Hi' },
      { kind: 'usage', input: null, output: 1 },
    ]);
    expect(sent[1]).toMatchObject({ headers: { 'x-api-key': 'sk-test' } });
    expect(JSON.parse(String(sent[1].body))).toMatchObject({ system: 'be brief', max_tokens: 10 });
  });

  it('fails as the API refused, also within the stream', async () => {
    const refused = Response.json({ error: { code: 'quota_exceeded', message: 'No.' } }, { status: 429, headers: { 'retry-after': '9' } });
    await expect(run('openai', refused)).rejects.toMatchObject({ code: 'quota_exceeded', retryAfterSeconds: 9 });
    const broken = new Response(body('event: error\ndata: {"type":"error","error":{"type":"api_error","message":"cut"}}\n\n'));
    await expect(run('anthropic', broken)).rejects.toMatchObject({ message: 'cut' });
  });
});
