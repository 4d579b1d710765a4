import { describe, expect, it } from 'vitest';
import { kiroModels, readModelName, resolveKiroModel } from './models.js';

const cases: readonly [string, string][] = [
  ['claude-sonnet-4-5', 'claude-sonnet-4.5'],
  ['claude-sonnet-4-5-20250929', 'claude-sonnet-4.5'],
  ['CLAUDE_SONNET_4_5_20250929_V1_0', 'claude-sonnet-4.5'],
  ['claude-sonnet-4', 'claude-sonnet-4'],
  ['claude-sonnet-4-20250514', 'claude-sonnet-4'],
  ['CLAUDE_SONNET_4_20250514_V1_0', 'claude-sonnet-4'],
  ['claude-sonnet-4-0', 'claude-sonnet-4'],
  ['claude-3-7-sonnet-20250219', 'CLAUDE_3_7_SONNET_20250219_V1_0'],
  ['claude-3-7-sonnet-latest', 'CLAUDE_3_7_SONNET_20250219_V1_0'],
  ['claude-opus-4-5', 'claude-opus-4.5'],
  ['claude-opus-5', 'claude-opus-5'],
  ['claude-haiku-4-5-20251001', 'claude-haiku-4.5'],
  ['auto', 'claude-sonnet-4.5'],
  ['anthropic/claude-opus-4-8', 'claude-opus-4.8'],
  ['kiro/claude-sonnet-5-latest', 'claude-sonnet-5'],
  ['Claude-Sonnet-4.5', 'claude-sonnet-4.5'],
  ['claude-4.5-sonnet', 'claude-sonnet-4.5'],
  ['claude-4-5-haiku', 'claude-haiku-4.5'],
  ['claude-4.8-opus', 'claude-opus-4.8'],
  ['claude-sonnet-4-5[1m]', 'claude-sonnet-4.5-1m'],
  ['claude-sonnet-4.6-1m', 'claude-sonnet-4.6-1m'],
  ['claude-opus-4-8[1m]', 'claude-opus-4.8'],
  ['claude-sonnet-4-5-thinking', 'claude-sonnet-4.5'],
  ['claude-opus-4-8-thinking-xhigh', 'claude-opus-4.8'],
  ['claude-gpt-5.6-sol', 'gpt-5.6-sol'],
  ['gpt-5-6-luna', 'gpt-5.6-luna'],
];

describe('model names', () => {
  it.each(cases)('pitfall 15 and B6: %s becomes %s', (name, id) => {
    expect(resolveKiroModel(name)).toMatchObject({ id, known: true });
  });

  it('resolves every listed id and alias to the model itself', () => {
    for (const model of kiroModels) {
      for (const name of [model.id, ...(model.aliases ?? [])])
        expect(resolveKiroModel(name), name).toMatchObject({ id: model.id, known: true });
    }
  });

  it('passes an unknown but well-formed id on as written', () => {
    expect(resolveKiroModel('kiro/nova-premier-2')).toEqual({ id: 'nova-premier-2', known: false, contextWindow: 200_000 });
    expect(resolveKiroModel('claude-opus-6')).toMatchObject({ id: 'claude-opus-6', known: false });
  });

  it.each(['', '  ', 'has space', '../etc/passwd', 'ä', 'x'.repeat(200), 'a\u0000b'])('refuses the malformed name %j', (name) => {
    expect(resolveKiroModel(name)).toBeNull();
  });

  it('remembers thinking and effort that hang on the name', () => {
    expect(readModelName('claude-opus-4-8-thinking-high')).toEqual({
      base: 'claude-opus-4.8',
      oneMillion: false,
      thinking: true,
      effort: 'high',
    });
  });
});
