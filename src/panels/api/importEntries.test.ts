import { describe, expect, it } from 'vitest';
import { entriesOf } from './importEntries.js';

const a = { refreshToken: 'aaaa' };
const b = { refreshToken: 'bbbb' };
const json = (value: unknown): string => JSON.stringify(value);
const given = (...values: unknown[]) => values.map((value) => ({ given: value }));
const broken = { fault: { code: 'not_json', text: 'This is not valid JSON.' } };

describe('a pasted donation', () => {
  it.each([
    ['a JSON array', json([a, b])],
    ['a comma too many', `[${json(a)},${json(b)},]`],
    ['a comma too many in an object', `{"accounts": [${json(a)}, {"refreshToken": "bbbb",},],}`],
    ['an object with a list', json({ version: 1, accounts: [a, b] })],
    ['an object with a list of a name of its own', json({ exported: 'today', mine: [a, b] })],
    ['JSON Lines', `${json(a)}\n${json(b)}\n`],
    ['JSON Lines with blanks, commas and a mark of its encoding', `\ufeff${json(a)},\r\n\r\n  ${json(b)},\r\n`],
    ['objects that follow each other', `${JSON.stringify(a, null, 2)}\n${JSON.stringify(b, null, 2)}`],
    ['a table', 'refresh_token\naaaa\nbbbb'],
    ['a table with quotes', '"RefreshToken"\n"aaaa"\n"bbbb"'],
  ])('is read as %s', (_what, text) => {
    expect(entriesOf(text)).toEqual(given(a, b));
  });

  it('is one credential, or one token a line', () => {
    expect(entriesOf(json({ ...a, allowedModels: ['m'], scopes: [] }))).toEqual(given({ ...a, allowedModels: ['m'], scopes: [] }));
    expect(entriesOf({ accounts: [a] })).toEqual(given(a));
    expect(entriesOf('aaaa\n\nbbbb')).toEqual(given('aaaa', 'bbbb'));
    expect(entriesOf('')).toEqual([]);
  });

  it('is judged value by value where one is broken', () => {
    expect(entriesOf(`tok-one\n\n[bad json\n${json(a)}`)).toEqual([{ given: 'tok-one' }, broken, { given: a }]);
    expect(entriesOf(`${json(a)}\n{"refreshToken": \n${json(b)}`)).toEqual([{ given: a }, broken, { given: b }]);
    expect(entriesOf(`[${json(a)},\n {"refreshToken": "x},\n ${json(b)}]`).at(0)).toEqual({ given: a });
    expect(entriesOf(`[${json(a)}, {refreshToken: 'x'}, ${json(b)}]`)).toEqual([{ given: a }, broken, { given: b }]);
    expect(entriesOf(`{"accounts": [${json(a)}, {"x"}, ${json(b)}], "n": 1}`).slice(0, 3)).toEqual([{ given: a }, broken, { given: b }]);
    expect(() => entriesOf('[{')).toThrow('not valid');
    expect(() => entriesOf('{"refreshToken": "aaaa"')).toThrow('not valid');
  });

  it('is a table where its first line names columns that we know, and refused line by line where none does', () => {
    const table = 'Refresh Token;client_id;note;daily cap;allowed models\naaaa;"c;1";;5;m1|m2\nbbbb;c2\n"aaaa;c;;;';
    expect(entriesOf(table)).toEqual([
      { given: { refreshToken: 'aaaa', clientId: 'c;1', dailyCap: 5, allowedModels: ['m1', 'm2'] } },
      { fault: { code: 'columns', text: 'This has 2 columns, the header 5.' } },
      { fault: { code: 'open_quote', text: 'A quoted column does not end.' } },
    ]);
    expect(entriesOf('aaaa,cccc').at(0)?.fault).toEqual({
      code: 'header_missing',
      text: expect.stringContaining('begin with a line that names them'),
    });
  });

  it('is refused at once where it is long and broken', () => {
    const odd = ['"\\"'.repeat(1_000_000), `[${','.repeat(2_000_000)}`, `{${'['.repeat(2_000_000)}`, '"a"x'.repeat(1_000_000)];
    for (const text of odd) expect(() => entriesOf(text)).toThrow('not valid');
    expect(() => entriesOf('x\n'.repeat(5_002))).toThrow('At most 5000');
  });
});
