/** Live settings as the API answers them, and the order in which the page shows them. */
import type admin from '../../locales/en/admin.json';

export type SettingName = keyof typeof admin.settings.names;
export type SettingValue = number | boolean;

export interface Setting {
  readonly name: SettingName;
  readonly unit: string;
  readonly type: 'integer' | 'number' | 'boolean';
  readonly min: number | null;
  readonly max: number | null;
  /** In force. */
  readonly value: SettingValue;
  readonly source: 'stored' | 'environment' | 'default';
  /** null: nothing is stored. */
  readonly stored: SettingValue | null;
  readonly environment: SettingValue;
  readonly default: SettingValue;
  readonly changedAt: string | null;
  readonly changedBy: string | null;
  readonly nodes: readonly { readonly id: string; readonly healthy: boolean; readonly inForce: boolean | null }[];
}

export const groups = {
  protection: ['token_rpm_limit', 'token_rph_limit', 'token_max_concurrent', 'token_max_consecutive_uses', 'token_min_success_rate'],
  pacing: ['token_pacing_min_ms', 'token_pacing_max_ms'],
  members: ['default_user_daily_quota', 'default_user_monthly_quota', 'default_key_rpm_limit'],
  site: ['site_enabled', 'self_use_enabled', 'require_approval'],
} as const satisfies Readonly<Record<string, readonly SettingName[]>>;

export const configPath = '/admin/api/config';
export const detailsPath = '/admin/api/config/details';
