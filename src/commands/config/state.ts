/** The settings as a command's transaction sees them. */
import { type Queryable, sql } from '../../infra/database/port.js';
import { mergeSettings, type Settings, settingsSchema } from '../../shared/settings.js';

export interface SettingsState {
  readonly stored: Partial<Settings>;
  readonly defaults: Settings;
  /** What is in force: stored, else the environment's. */
  readonly merged: Settings;
}

/** Rows of settings that this release does not know, or whose range changed since, do not count. */
export async function loadSettings(tx: Queryable, defaults: Settings): Promise<SettingsState> {
  const rows = await tx.query<{ name: string; value: string }>(sql`select name, value from settings`);
  const stored: Record<string, unknown> = {};
  const known = settingsSchema.partial();
  for (const row of rows) {
    const parsed = known.safeParse({ [row.name]: JSON.parse(row.value) });
    if (parsed.success) Object.assign(stored, parsed.data);
  }
  return { stored, defaults, merged: mergeSettings(defaults, stored) };
}
