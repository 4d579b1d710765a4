import { describe, expect, it } from 'vitest';
import { bodyOf, changedMeanwhile, edited, faultsOf, rebased } from './edits';
import type { Setting } from './types';

const setting = (value: number, stored: number | null = null): Setting => ({
  name: 'token_rpm_limit',
  unit: 'requests',
  type: 'integer',
  min: 1,
  max: 100,
  value,
  source: stored === null ? 'environment' : 'stored',
  stored,
  environment: 10,
  default: 10,
  changedAt: null,
  changedBy: null,
  nodes: [],
});

describe('unsaved settings', () => {
  it('are sent with what they were when editing began', () => {
    expect(bodyOf(edited({}, setting(10), '20'))).toEqual({ token_rpm_limit: 20, expected: { token_rpm_limit: null } });
    expect(bodyOf(edited({}, setting(30, 30), null))).toEqual({ token_rpm_limit: null, expected: { token_rpm_limit: 30 } });
  });

  it('are none when they say what is so anyway', () => {
    const once = edited({}, setting(10), '20');
    expect(edited(once, setting(10), '10')).toEqual({});
    expect(edited({}, setting(10), null)).toEqual({});
  });

  it('are none while a field says what cannot be saved: an emptied field saves nothing that was typed before', () => {
    const typed = edited(edited({}, setting(10), '21'), setting(10), '');
    expect([faultsOf(typed), bodyOf(typed)]).toEqual([1, null]);
    for (const input of ['1.5', '1e3', 'abc', '9999999999', '0']) expect(bodyOf(edited(typed, setting(10), input)), input).toBeNull();
    const mended = edited(typed, setting(10), '22');
    expect([faultsOf(mended), bodyOf(mended)]).toEqual([0, { token_rpm_limit: 22, expected: { token_rpm_limit: null } }]);
  });

  it('keep what they began with when another admin changes the setting, until they are rebased', () => {
    const mine = edited({}, setting(10), '20');
    const theirs = setting(30, 30);
    expect(changedMeanwhile(theirs, mine.token_rpm_limit)).toBe(true);
    const typedOn = edited(mine, theirs, '25');
    expect(bodyOf(typedOn)).toEqual({ token_rpm_limit: 25, expected: { token_rpm_limit: null } });
    const again = rebased(typedOn, [theirs]);
    expect(changedMeanwhile(theirs, again.token_rpm_limit)).toBe(false);
    expect(bodyOf(again)).toEqual({ token_rpm_limit: 25, expected: { token_rpm_limit: 30 } });
  });
});
