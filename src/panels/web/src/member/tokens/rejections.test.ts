import i18next, { type i18n } from 'i18next';
import { beforeAll, describe, expect, it } from 'vitest';
import { createFieldText } from '../../i18n/fieldText';
import en from '../../locales/en/common.json';
import zh from '../../locales/zh-CN/common.json';
import { rejectionText } from './rejections';

let chinese: i18n;
let english: i18n;
beforeAll(async () => {
  const start = async (lng: string, common: object): Promise<i18n> => {
    const instance = i18next.createInstance();
    await instance.init({ lng, fallbackLng: false, ns: ['common'], resources: { [lng]: { common } } });
    return instance;
  };
  [english, chinese] = [await start('en', en), await start('zh-CN', zh)];
});

describe('why a row is refused', () => {
  it.each(['not_json', 'header_missing', 'columns', 'open_quote', 'in_pool_already', 'too_many_tokens'])('is said of %s', (code) => {
    const row = { index: 0, reason: 'old words', code, param: null };
    expect(rejectionText(row, createFieldText(chinese))).toMatch(/^\p{Script=Han}/u);
    expect(rejectionText(row, createFieldText(english))).toMatch(/^[A-Z][^{}]+$/);
  });

  it.each([
    ['missing', 'clientSecret', '缺少客户端密钥。', 'Client secret is missing.'],
    ['not_region', 'region', '区域不是 AWS 区域（例如 us-east-1）。', 'Region is not an AWS region such as us-east-1.'],
  ])('is said of %s with its field', (code, param, inChinese, inEnglish) => {
    const row = { index: 0, reason: 'old words', code, param };
    expect([chinese, english].map((language) => rejectionText(row, createFieldText(language)))).toEqual([inChinese, inEnglish]);
  });

  it.each([
    'looks_cut',
    'too_long',
    'foreign_character',
    'not_text',
    'not_profile_arn',
    'unknown_auth_type',
    'unknown_provider',
    'not_model',
  ])('names the field of %s', (code) => {
    for (const { reasons } of [zh, en]) expect(Object.entries(reasons).find(([name]) => name === code)?.[1]).toContain('{{field}}');
  });

  it('is said of a schema’s complaint, and in the API’s words where nothing else is known', () => {
    const row = { index: 0, reason: 'old words', code: 'invalid_request', param: 'dailyCap', issue: { code: 'range', min: 1, max: 5 } };
    expect(rejectionText(row, createFieldText(chinese))).toBe('每日上限：1 到 5 之间的数字。');
    expect(rejectionText({ index: 0, reason: 'old words', code: 'of_the_future' }, createFieldText(chinese))).toBe('old words');
    expect(rejectionText({ index: 0, reason: 'old words' }, createFieldText(chinese))).toBe('old words');
  });
});
