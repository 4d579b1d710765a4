/** The live settings as the environment gives them; what is stored in the database wins over these. */
import type { Config } from '../config.js';
import { defaultSettings, type Settings } from '../shared/settings.js';

export function environmentSettings(config: Config): Settings {
  return {
    ...defaultSettings,
    token_rpm_limit: config.TOKEN_RPM_LIMIT,
    token_rph_limit: config.TOKEN_RPH_LIMIT,
    token_max_concurrent: config.TOKEN_MAX_CONCURRENT,
    token_max_consecutive_uses: config.TOKEN_MAX_CONSECUTIVE_USES,
    token_pacing_min_ms: config.TOKEN_PACING_MIN_MS,
    token_pacing_max_ms: config.TOKEN_PACING_MAX_MS,
    default_user_daily_quota: config.DEFAULT_USER_DAILY_QUOTA,
    default_user_monthly_quota: config.DEFAULT_USER_MONTHLY_QUOTA,
    default_key_rpm_limit: config.DEFAULT_KEY_RPM_LIMIT,
    token_min_success_rate: config.TOKEN_MIN_SUCCESS_RATE,
  };
}
