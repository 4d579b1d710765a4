import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelRequest } from './define.js';
import { estimateRequestTokens, estimateTokens, tokenWeight } from './tokens.js';

const request: ModelRequest = {
  model: 'claude-sonnet-4.5',
  system: [{ type: 'text', text: 'Be brief.' }],
  messages: [{ role: 'user', index: 0, parts: [{ type: 'text', text: 'Hello there' }] }],
  tools: [],
  toolChoice: { type: 'auto' },
  maxTokens: null,
  stop: [],
  temperature: null,
  topP: null,
  thinking: null,
  conversation: null,
};

describe('token estimates', () => {
  it('counts a quarter token per Latin character and about one per CJK character', () => {
    expect(estimateTokens('')).toBe(0);
    expect(estimateTokens('a')).toBe(1);
    expect(estimateTokens('a'.repeat(400))).toBe(100);
    expect(estimateTokens('字'.repeat(100))).toBe(100);
  });

  it('never shrinks when text is added, and pieces add up to the whole', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(tokenWeight(a + b)).toBeGreaterThanOrEqual(tokenWeight(a));
        expect(tokenWeight(a + b)).toBeCloseTo(tokenWeight(a) + tokenWeight(b), 6);
      }),
    );
  });

  it('counts tools, images, thinking and tool results of a request', () => {
    const base = estimateRequestTokens(request);
    const withTool = estimateRequestTokens({
      ...request,
      tools: [{ name: 'read', description: 'Reads a file', inputSchema: { type: 'object' } }],
    });
    const withImage = estimateRequestTokens({
      ...request,
      messages: [{ role: 'user', index: 0, parts: [{ type: 'image', mediaType: 'image/png', data: 'AAAA' }] }],
    });
    const withThinking = estimateRequestTokens({
      ...request,
      messages: [
        ...request.messages,
        { role: 'assistant', index: 1, parts: [{ type: 'thinking', text: 'hmm '.repeat(50), signature: null }] },
      ],
    });
    expect(base).toBeGreaterThan(0);
    expect(withTool).toBeGreaterThan(base);
    expect(withImage).toBeGreaterThan(base);
    expect(withThinking).toBeGreaterThan(base);
  });
});
