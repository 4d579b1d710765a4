import { describe, expect, it } from 'vitest';
import type { AppError } from '../../errors.js';
import type { Upstream } from '../../upstreams/define.js';
import { resolveKiroModel } from '../../upstreams/kiro/models.js';
import { resolveTargets } from './models.js';
import { operator, scriptedUpstream } from './testing/kit.js';

function upstream(provider: string, resolveModel: Upstream['resolveModel']): [string, Upstream] {
  return [provider, { ...scriptedUpstream(() => Promise.reject(new Error('not called')) as never), provider, resolveModel }];
}
const kiro = upstream('kiro', resolveKiroModel);
const known = (id: string) => ({ id, known: true, contextWindow: 1_000 });
const allowed = (...models: string[]) => ({ ...operator, allowedModels: models });
const faultOf = (work: () => unknown): Pick<AppError, 'code' | 'status' | 'param'> | null => {
  try {
    work();
    return null;
  } catch (error) {
    return error as AppError;
  }
};

describe('the targets of a model name', () => {
  it('are what each upstream calls it', () => {
    expect(resolveTargets('claude-sonnet-4-5', operator, new Map([kiro]))).toEqual([{ provider: 'kiro', model: 'claude-sonnet-4.5' }]);
  });

  it('prefer who knows the model to who may know it', () => {
    const other = upstream('other', (name) => known(`other/${name}`));
    const vague = upstream('vague', (name) => ({ ...known(name), known: false }));
    expect(resolveTargets('m', operator, new Map([vague, other]))).toEqual([{ provider: 'other', model: 'other/m' }]);
    expect(resolveTargets('m', operator, new Map([vague]))).toEqual([{ provider: 'vague', model: 'm' }]);
  });

  it('do not exist for what is no model name', () => {
    const fault = faultOf(() => resolveTargets(`no model ${'x'.repeat(500)}\u0000`, operator, new Map([kiro])));
    expect(fault).toMatchObject({ code: 'model_not_found', status: 404, param: 'model' });
    expect((fault as AppError).message.length).toBeLessThan(200);
    expect((fault as AppError).message).not.toContain('\u0000');
  });
});

describe('the models of a key', () => {
  it.each([
    ['claude-sonnet-4.5', 'claude-sonnet-4.5'],
    ['claude-sonnet-4-5', 'claude-sonnet-4.5'],
    ['claude-sonnet-4-5-20250929', 'claude-sonnet-4.5'],
    ['anthropic/claude-sonnet-4.5-latest', 'claude-sonnet-4.5'],
    ['claude-4.5-sonnet', 'claude-sonnet-4-5-20250929'],
    ['auto', 'claude-sonnet-4.5'],
    ['claude-gpt-5.6-sol', 'gpt-5.6-sol'],
  ])('let %s pass where %s is allowed', (asked, model) => {
    expect(resolveTargets(asked, allowed('claude-haiku-4.5', model), new Map([kiro]))).toHaveLength(1);
  });

  it.each([
    ['claude-opus-4.5', 'claude-sonnet-4.5'],
    ['claude-opus-4.5', 'claude-opus-5'],
    ['claude-opus-5', 'opus'],
  ])('do not let %s pass where %s is allowed', (asked, model) => {
    const fault = faultOf(() => resolveTargets(asked, allowed(model), new Map([kiro])));
    expect(fault).toMatchObject({ code: 'model_not_allowed', status: 403, param: 'model' });
  });

  it('that are none let nothing pass', () => {
    expect(faultOf(() => resolveTargets('auto', allowed(), new Map([kiro])))).toMatchObject({ code: 'model_not_allowed' });
  });
});
