/** The registry of projections: ingest, commands, rebuild and verify go through this list. A new one is one file and one line. */
import { activity } from './activity.js';
import { audit } from './audit.js';
import type { Projection } from './define.js';
import { directory } from './directoryTables.js';
import { history } from './history.js';
import { notifications } from './notifications.js';
import { quotaUse } from './quotaUse.js';
import { requests } from './requests.js';
import { tokenHealth } from './tokenHealth.js';
import { tokenUse } from './tokenUse.js';
import { use } from './use.js';

export const projections: readonly Projection[] = [
  directory,
  activity,
  audit,
  requests,
  quotaUse,
  use,
  tokenHealth,
  notifications,
  tokenUse,
  history,
] as readonly Projection[];

/** The projection of that name, or undefined. */
export function projectionNamed(name: string): Projection | undefined {
  return projections.find((projection) => projection.name === name);
}
