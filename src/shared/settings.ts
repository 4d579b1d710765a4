/** The live settings (contract §5): ranges, meaning and unit of each, defaults, and how stored values meet the environment's. */
import { z } from 'zod';

const int = (min: number, max: number) => z.int().min(min).max(max);

/** Ranges as contract §2 has them. 0 means "none allowed" for quotas and "off" for pacing. */
export const settingsSchema = z.strictObject({
  token_rpm_limit: int(1, 100_000),
  token_rph_limit: int(1, 1_000_000),
  token_max_concurrent: int(1, 10_000),
  token_max_consecutive_uses: int(1, 1_000_000),
  token_pacing_min_ms: int(0, 60_000),
  token_pacing_max_ms: int(0, 60_000),
  default_user_daily_quota: int(0, 1_000_000_000),
  default_user_monthly_quota: int(0, 1_000_000_000),
  default_key_rpm_limit: int(1, 100_000),
  token_min_success_rate: z.number().min(0).max(1),
  site_enabled: z.boolean(),
  self_use_enabled: z.boolean(),
  require_approval: z.boolean(),
});

export type Settings = z.output<typeof settingsSchema>;
export type SettingName = keyof Settings;

/** What an admin sends: any subset; null hands a setting back to the environment. */
export const settingsPatchSchema = z.strictObject({
  token_rpm_limit: settingsSchema.shape.token_rpm_limit.nullable().optional(),
  token_rph_limit: settingsSchema.shape.token_rph_limit.nullable().optional(),
  token_max_concurrent: settingsSchema.shape.token_max_concurrent.nullable().optional(),
  token_max_consecutive_uses: settingsSchema.shape.token_max_consecutive_uses.nullable().optional(),
  token_pacing_min_ms: settingsSchema.shape.token_pacing_min_ms.nullable().optional(),
  token_pacing_max_ms: settingsSchema.shape.token_pacing_max_ms.nullable().optional(),
  default_user_daily_quota: settingsSchema.shape.default_user_daily_quota.nullable().optional(),
  default_user_monthly_quota: settingsSchema.shape.default_user_monthly_quota.nullable().optional(),
  default_key_rpm_limit: settingsSchema.shape.default_key_rpm_limit.nullable().optional(),
  token_min_success_rate: settingsSchema.shape.token_min_success_rate.nullable().optional(),
  site_enabled: settingsSchema.shape.site_enabled.nullable().optional(),
  self_use_enabled: settingsSchema.shape.self_use_enabled.nullable().optional(),
  require_approval: settingsSchema.shape.require_approval.nullable().optional(),
});

export type SettingsPatch = z.output<typeof settingsPatchSchema>;

/** For people: what a setting does and what its number counts. */
export const settingInfo: Readonly<Record<SettingName, { readonly meaning: string; readonly unit: string }>> = {
  token_rpm_limit: { meaning: 'Sends on one token in any 60 s', unit: 'requests' },
  token_rph_limit: { meaning: 'Sends on one token in any 3600 s', unit: 'requests' },
  token_max_concurrent: { meaning: 'Calls in flight on one token at once', unit: 'requests' },
  token_max_consecutive_uses: { meaning: 'Times in a row one token may be used while another is usable', unit: 'requests' },
  token_pacing_min_ms: { meaning: 'Shortest random wait before an upstream call; 0 with the longest 0 turns pacing off', unit: 'ms' },
  token_pacing_max_ms: { meaning: 'Longest random wait before an upstream call; 0 turns pacing off', unit: 'ms' },
  default_user_daily_quota: {
    meaning: 'Requests of a member per UTC day unless an admin set another figure; 0 allows none',
    unit: 'requests',
  },
  default_user_monthly_quota: {
    meaning: 'Requests of a member per UTC month unless an admin set another figure; 0 allows none',
    unit: 'requests',
  },
  default_key_rpm_limit: { meaning: 'Requests of a key in any 60 s unless the key has its own figure', unit: 'requests' },
  token_min_success_rate: { meaning: 'Below this a token gets half of the success part of its score', unit: '0–1' },
  site_enabled: { meaning: 'Off: the client API answers 503', unit: 'on/off' },
  self_use_enabled: { meaning: 'On: no public pool and no sign-up, members use their own tokens only', unit: 'on/off' },
  require_approval: { meaning: 'On: new members wait for an admin', unit: 'on/off' },
};

export const settingNames = Object.keys(settingInfo) as readonly SettingName[];

/** The defaults of contract §2, when neither environment nor database says otherwise. */
export const defaultSettings: Settings = {
  token_rpm_limit: 10,
  token_rph_limit: 200,
  token_max_concurrent: 2,
  token_max_consecutive_uses: 5,
  token_pacing_min_ms: 500,
  token_pacing_max_ms: 3_000,
  default_user_daily_quota: 500,
  default_user_monthly_quota: 10_000,
  default_key_rpm_limit: 30,
  token_min_success_rate: 0.7,
  site_enabled: true,
  self_use_enabled: false,
  require_approval: false,
};

/** A stored value wins over the environment's. */
export function mergeSettings(environment: Settings, stored: Partial<Settings>): Settings {
  return { ...environment, ...stored };
}

/** What is stored after a patch: null removes, absent keeps. */
export function patchStored(stored: Partial<Settings>, patch: SettingsPatch): Partial<Settings> {
  const kept: [string, unknown][] = Object.entries({ ...stored, ...patch });
  return Object.fromEntries(kept.filter(([, value]) => value !== null && value !== undefined)) as Partial<Settings>;
}

/** The fault that only shows on the merged result, or null. Ranges of single fields are the schema's. */
export function settingsFault(merged: Settings): { readonly param: SettingName; readonly message: string } | null {
  if (merged.token_pacing_min_ms > merged.token_pacing_max_ms) {
    return {
      param: 'token_pacing_min_ms',
      message: `token_pacing_min_ms (${merged.token_pacing_min_ms}) is above token_pacing_max_ms (${merged.token_pacing_max_ms})`,
    };
  }
  return null;
}
