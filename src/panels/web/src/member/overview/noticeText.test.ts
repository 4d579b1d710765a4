/** Notices in both languages, in words a member can use. */
import i18next from 'i18next';
import { describe, expect, it } from 'vitest';
import type { Translate } from '../../i18n';
import { createFormat } from '../../i18n/format';
import en from '../../locales/en/member.json';
import zh from '../../locales/zh-CN/member.json';
import type { Notice } from '../types';
import { noticeText } from './noticeText';

function inBoth(notice: Partial<Notice>): string[] {
  const whole: Notice = { id: 'n', type: 'quota_warning', message: 'in English', read: false, at: '2026-11-23T09:00:00.000Z', ...notice };
  return Object.entries({ en, 'zh-CN': zh }).map(([language, member]) => {
    const i18n = i18next.createInstance();
    void i18n.init({ lng: language, initAsync: false, resources: { [language]: { member } }, interpolation: { escapeValue: false } });
    const format = createFormat(language);
    return noticeText(whole, i18n.t as unknown as Translate, { number: format.number, dateTime: (iso) => `<${iso.slice(0, 10)}>` });
  });
}

describe('a notice', () => {
  it('of a quota says how much of it is used and when it starts anew', () => {
    const data = { kind: 'quota', period: 'daily', used: 1_200, limit: 1_400, resetAt: '2026-11-24T00:00:00.000Z' } as const;
    expect(inBoth({ data })).toEqual([
      '1,200 of 1,400 requests of today are used. The quota starts anew on <2026-11-24>.',
      '今日配额已用 1,200 次，上限 1,400 次，将于 <2026-11-24> 重置。',
    ]);
    expect(inBoth({ data: { ...data, period: 'monthly' } })[0]).toContain('of this month');
  });

  it('of a token names it and says why, by its id where it has no name', () => {
    const data = { kind: 'token', tokenId: 'tok1', tokenName: 'laptop', reason: 'failures' } as const;
    expect(inBoth({ type: 'token_suspended', data })).toEqual(['“laptop” is suspended: too many failures.', '“laptop”已暂停：失败过多。']);
    expect(inBoth({ type: 'token_invalid', data: { ...data, tokenName: null, reason: null } })).toEqual([
      '“tok1” is no longer valid. Donate it anew to use it again.',
      '“tok1”已失效，重新捐赠后才能继续使用。',
    ]);
    expect(inBoth({ type: 'token_invalid', data: { ...data, reason: 'invalid_grant' } })[0]).toContain('invalid_grant');
  });

  it('without facts says what the node says', () => {
    expect([inBoth({ data: null }), inBoth({})]).toEqual([
      ['in English', 'in English'],
      ['in English', 'in English'],
    ]);
  });
});
