import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  defaultSettings,
  mergeSettings,
  patchStored,
  settingNames,
  settingsFault,
  settingsPatchSchema,
  settingsSchema,
} from './settings.js';

describe('settings', () => {
  test('the defaults are within their ranges', () => {
    expect(settingsSchema.parse(defaultSettings)).toEqual(defaultSettings);
    expect(settingsFault(defaultSettings)).toBeNull();
  });

  test('every setting can be patched, and handed back with null', () => {
    expect(Object.keys(settingsPatchSchema.shape)).toEqual(settingNames);
    expect(Object.keys(settingsSchema.shape)).toEqual(settingNames);
    for (const name of settingNames) {
      expect(settingsPatchSchema.parse({ [name]: null })).toEqual({ [name]: null });
      expect(settingsPatchSchema.parse({ [name]: defaultSettings[name] })).toEqual({ [name]: defaultSettings[name] });
    }
  });

  test.each([
    ['token_rpm_limit', 0],
    ['token_rpm_limit', 100_001],
    ['token_rpm_limit', 1.5],
    ['token_rpm_limit', '10'],
    ['token_pacing_min_ms', -1],
    ['default_user_daily_quota', 1_000_000_001],
    ['token_min_success_rate', 1.1],
    ['site_enabled', 1],
    ['token_rpm', 10],
  ])('%s = %s is refused', (name, value) => {
    expect(settingsPatchSchema.safeParse({ [name]: value }).success).toBe(false);
  });

  test('0 is allowed where it has a meaning', () => {
    expect(settingsPatchSchema.safeParse({ token_pacing_min_ms: 0, token_pacing_max_ms: 0, default_user_daily_quota: 0 }).success).toBe(
      true,
    );
  });

  test('a stored value wins, null returns to the environment', () => {
    const environment = { ...defaultSettings, token_rpm_limit: 7 };
    const stored = patchStored({}, { token_rpm_limit: 20, site_enabled: false });
    expect(mergeSettings(environment, stored)).toEqual({ ...environment, token_rpm_limit: 20, site_enabled: false });
    expect(mergeSettings(environment, patchStored(stored, { token_rpm_limit: null })).token_rpm_limit).toBe(7);
  });

  test('pacing bounds are compared on the merged result', () => {
    expect(settingsFault(mergeSettings(defaultSettings, { token_pacing_min_ms: 3_001 }))?.param).toBe('token_pacing_min_ms');
    expect(settingsFault(mergeSettings(defaultSettings, { token_pacing_max_ms: 499 }))?.param).toBe('token_pacing_min_ms');
  });

  test('patching twice is patching once', () => {
    const patch = fc.record(
      { token_rpm_limit: fc.option(fc.integer({ min: 1, max: 100_000 })), site_enabled: fc.option(fc.boolean()) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(patch, patch, (first, second) => {
        const stored = patchStored(patchStored({}, first), second);
        expect(patchStored(stored, second)).toEqual(stored);
      }),
    );
  });
});
