import { describe, expect, it } from 'vitest';
import { splitStatements } from './splitStatements.js';

describe('splitting a migration', () => {
  it('ends statements at semicolons and leaves out what is empty', () => {
    expect(splitStatements('select 1;\n\nselect 2\n;;\n-- the end;\n')).toEqual(['select 1', 'select 2']);
  });

  it('takes a last statement without its semicolon', () => {
    expect(splitStatements('select 1; select 2')).toEqual(['select 1', 'select 2']);
  });

  it.each([
    ['text', `select ';', 'it''s; fine'`],
    ['names', `select ";" from "a;b"`],
    ['line comments', 'select 1 -- one; two\n, 2'],
    ['block comments', 'select /* a; b */ 1'],
    ['dollar quotes', 'create function f() as $body$ begin; end; $body$ language plpgsql'],
  ])('does not cut inside %s', (_, statement) => {
    expect(splitStatements(`${statement};select 2;`)).toEqual([statement, 'select 2']);
  });
});
