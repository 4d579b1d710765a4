/** Refusals in the reader's language, made of the API's facts. */
import i18next, { type i18n } from 'i18next';
import { beforeAll, describe, expect, it } from 'vitest';
import adminEn from '../locales/en/admin.json';
import commonEn from '../locales/en/common.json';
import adminZh from '../locales/zh-CN/admin.json';
import commonZh from '../locales/zh-CN/common.json';
import { createFieldText } from './fieldText';

let english: i18n;
let chinese: i18n;

beforeAll(async () => {
  const start = async (lng: string): Promise<i18n> => {
    const instance = i18next.createInstance();
    await instance.init({
      lng,
      fallbackLng: false,
      ns: ['common', 'admin'],
      resources: { en: { common: commonEn, admin: adminEn }, 'zh-CN': { common: commonZh, admin: adminZh } },
      interpolation: { escapeValue: false },
    });
    return instance;
  };
  [english, chinese] = [await start('en'), await start('zh-CN')];
});

describe('a refusal', () => {
  it.each([
    ['username', { code: 'required' }, 'Name is missing.', '请填写名称。'],
    ['content', { code: 'too_long', max: 10_000 }, 'Text: at most 10,000 characters.', '正文：最多 10,000 个字符。'],
    [
      'rpmLimit',
      { code: 'range', min: 1, max: 600 },
      'Requests per minute: a number from 1 to 600.',
      '每分钟请求数：1 到 600 之间的数字。',
    ],
    ['email', { code: 'format', format: 'email' }, 'E-mail is not an e-mail address.', '邮箱不是有效的邮箱地址。'],
    ['entries[3].refreshToken', { code: 'required' }, 'Refresh token (row 4) is missing.', '请填写刷新令牌 (第 4 项)。'],
    ['allowedModels[0]', { code: 'type' }, 'Models (row 1) is not of the right kind.', '模型 (第 1 项)的类型不对。'],
    [
      'token_rpm_limit',
      { code: 'range', min: 1, max: 5 },
      'Requests per token and minute: a number from 1 to 5.',
      '每令牌每分钟请求数：1 到 5 之间的数字。',
    ],
    ['xyz', { code: 'required' }, 'xyz is missing.', '请填写xyz。'],
  ])('of %s with %j is a sentence', (path, issue, en, zh) => {
    expect([createFieldText(english).issue(path, issue), createFieldText(chinese).issue(path, issue)]).toEqual([en, zh]);
  });

  it.each([undefined, null, {}, { code: 7 }, { code: 'of the future' }])('that tells %j is said by its message', (issue) => {
    expect(createFieldText(english).issue('name', issue)).toBeNull();
  });

  it('says which of several it is, where it is known', () => {
    expect(createFieldText(chinese).reason('banned_already')).toBe('该地址已被封禁。');
    expect([createFieldText(english).reason('of the future'), createFieldText(english).reason(null)]).toEqual([null, null]);
  });
});
