import { describe, expect, it } from 'vitest';
import { patchOf, theirsOf } from './edits';

const shown = { content: 'first', active: true, allowGuest: false };

describe('an edited announcement', () => {
  it('is sent as far as it differs, with what was shown', () => {
    expect(patchOf(shown, { ...shown, content: 'mine' })).toEqual({ content: 'mine', expected: { content: 'first' } });
    expect(patchOf(shown, { ...shown, active: false, allowGuest: true })).toEqual({
      active: false,
      allowGuest: true,
      expected: { active: true, allowGuest: false },
    });
    expect(patchOf(shown, shown)).toEqual({ expected: {} });
  });

  it('shows what another admin made of it, where the refusal says so', () => {
    const theirs = { ...shown, content: 'theirs' };
    expect(theirsOf({ code: 'conflict', reason: 'changed_meanwhile', current: theirs })).toEqual(theirs);
    for (const details of [{}, { reason: 'changed_meanwhile' }, { reason: 'other', current: theirs }]) expect(theirsOf(details)).toBeNull();
  });
});
