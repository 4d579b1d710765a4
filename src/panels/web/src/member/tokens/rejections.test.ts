import { describe, expect, it } from 'vitest';
import en from '../../locales/en/member.json';
import zh from '../../locales/zh-CN/member.json';
import { knownReasons } from './rejections';

describe('the reasons of refused rows', () => {
  it('are said in each language, in words of its own', () => {
    for (const { donate } of [en, zh]) expect(Object.keys(donate.reasons).sort()).toEqual([...knownReasons].sort());
    for (const text of Object.values(zh.donate.reasons)) expect(text).toMatch(/\p{Script=Han}/u);
  });
});
