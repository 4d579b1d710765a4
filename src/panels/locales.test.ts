import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const source = fileURLToPath(new URL('./web/src', import.meta.url));
const languages = ['en', 'zh-CN'] as const;
const namespaces = ['common', 'member', 'admin'] as const;

/** `a.b.c` → text. */
function flat(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  return Object.entries(value as object).flatMap(([key, below]) => flat(below, path === '' ? key : `${path}.${key}`));
}

const read = (language: string, namespace: string): Map<string, string> =>
  new Map(flat(JSON.parse(readFileSync(join(source, 'locales', language, `${namespace}.json`), 'utf8'))));

const texts = new Map(languages.map((language) => [language, new Map(namespaces.map((name) => [name, read(language, name)]))]));
const of = (language: (typeof languages)[number], namespace: (typeof namespaces)[number]): Map<string, string> =>
  texts.get(language)?.get(namespace) ?? new Map();

/** Chinese has one plural form: `_one` stands in English only. */
const stem = (key: string): string => key.replace(/_(one|other)$/, '');
const placeholders = (text: string): string[] => [...new Set(text.match(/\{\{\w+\}\}|<\/?\w+>/g) ?? [])].sort();

const code = readdirSync(source, { recursive: true })
  .map(String)
  .filter((name) => /\.tsx?$/.test(name) && !name.includes('.test.'))
  .map((name) => readFileSync(join(source, name), 'utf8'))
  .join('\n');

describe.each(namespaces)('the texts of %s', (namespace) => {
  const english = of('en', namespace);
  const chinese = of('zh-CN', namespace);

  it('have the same keys in both languages', () => {
    const keys = (map: Map<string, string>) => [...new Set([...map.keys()].map(stem))].sort();
    expect(keys(chinese)).toEqual(keys(english));
  });

  it('have the same placeholders in both languages', () => {
    for (const [key, text] of english) {
      const other = chinese.get(key) ?? chinese.get(`${stem(key)}_other`) ?? '';
      if (key.endsWith('_one')) expect(placeholders(other), key).toEqual(expect.arrayContaining(placeholders(text)));
      else expect(placeholders(other), key).toEqual(placeholders(text));
    }
  });

  it('are not empty, and no Chinese text is the English one by oversight', () => {
    for (const [key, text] of [...english, ...chinese]) expect(text.trim(), key).not.toBe('');
    const words = [...chinese].filter(([key, text]) => text === english.get(key) && /[a-z]{3,} [a-z]{3,}/.test(text));
    expect(words).toEqual([]);
  });

  it('are all used', () => {
    const prefixes = [...code.matchAll(new RegExp(`\`${namespace}:([\\w.-]*)\\$\\{`, 'g'))].map(([, prefix]) => prefix ?? '');
    const unused = [...english.keys()]
      .map(stem)
      .filter((key) => !code.includes(`${namespace}:${key}`) && !prefixes.some((prefix) => prefix !== '' && key.startsWith(prefix)));
    expect(unused).toEqual([]);
  });
});

describe('the code', () => {
  it('asks for no key that has no text', () => {
    const asked = [...code.matchAll(/'(common|member|admin):([\w.-]+)'/g)];
    const missing = asked.filter(([, namespace, key]) => {
      const known = of('en', namespace as (typeof namespaces)[number]);
      return !known.has(key ?? '') && !known.has(`${key}_other`);
    });
    expect(missing.map(([text]) => text)).toEqual([]);
    expect(asked.length).toBeGreaterThan(20);
  });
});
