import { describe, expect, it } from 'vitest';
import { bodyOf, emptyForm } from './addForm';

describe('a new token', () => {
  it('is sent with what its kind takes, and nothing that was left empty', () => {
    const form = { ...emptyForm, refreshToken: ' abc ', apiKey: 'of another kind', userId: ' ' };
    expect(bodyOf(form)).toEqual({ provider: 'kiro', authType: 'social', visibility: 'public', refreshToken: 'abc' });
  });

  it('names its endpoint and models where it is a compatible one', () => {
    const form = {
      ...emptyForm,
      kind: 'openai' as const,
      baseUrl: 'https://api.example',
      apiKey: 'k',
      models: ['m'],
      name: 'n',
      visibility: 'private' as const,
    };
    expect(bodyOf(form)).toEqual({
      provider: 'openai',
      visibility: 'private',
      baseUrl: 'https://api.example',
      apiKey: 'k',
      models: ['m'],
      name: 'n',
    });
  });
});
