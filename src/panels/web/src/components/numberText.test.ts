/** What stands in a number field is what is sent, or it is refused at the field. */
import { describe, expect, it } from 'vitest';
import { holdsFault, readNumber } from './numberText';

const whole = { whole: true, min: 1, max: 100_000 };

describe('a number field', () => {
  it.each([
    ['21', 21],
    [' 21 ', 21],
    ['021', 21],
    ['1', 1],
    ['100000', 100_000],
  ])('takes %j as it stands', (text, value) => {
    expect(readNumber(text, whole)).toEqual({ value });
  });

  it.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['1.5', 'notWhole'],
    ['2.0', 'notWhole'],
    ['1e3', 'notNumber'],
    ['abc', 'notNumber'],
    ['9999999999abc', 'notNumber'],
    ['1,000', 'notNumber'],
    ['1 000', 'notNumber'],
    ['0x10', 'notNumber'],
    ['１２', 'notNumber'],
    ['Infinity', 'notNumber'],
    ['-', 'notNumber'],
    ['1.', 'notNumber'],
    ['0', 'outOfRange'],
    ['-3', 'outOfRange'],
    ['9999999999', 'outOfRange'],
  ])('refuses %j: %s', (text, fault) => {
    expect(readNumber(text, whole)).toEqual({ fault });
  });

  it('takes shares with a point, and whole numbers without a range as far as they are exact', () => {
    expect(readNumber('0.85', { whole: false, min: 0, max: 1 })).toEqual({ value: 0.85 });
    expect(readNumber('0,85', { whole: false, min: 0, max: 1 })).toEqual({ fault: 'notNumber' });
    expect(readNumber('9007199254740993', { whole: true })).toEqual({ fault: 'outOfRange' });
  });
});

it('an optional field may be empty, and holds up the form with anything that is no such number', () => {
  const check = holdsFault({ whole: true, min: 1, max: 100 });
  expect(['', ' ', '7', '1.5', '1e3', 'abc', '0', '101'].map(check)).toEqual([null, null, null, true, true, true, true, true]);
});
