/** The 80 % notice where no request of a living node brings it: uses that abandoned requests carried over the mark. */

import type { EventLog } from '../events/log/port.js';
import { warnedEvent } from '../gateway/pipeline/settle.js';
import { periodEnd } from '../limits/period.js';
import type { Limits, OpenRecord } from '../limits/port.js';
import { WARN_AT } from '../limits/quotas.js';
import type { Directory } from '../projections/directory.js';
import type { Clock } from '../shared/clock.js';
import type { Ids } from '../shared/ids.js';

export interface QuotaNoticeDeps {
  readonly limits: Pick<Limits, 'userUse'>;
  readonly log: Pick<EventLog, 'append'>;
  readonly directory: Pick<Directory, 'user' | 'settings'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly nodeId: string;
}

/**
 * Looks at the quotas of those whose requests were ended, and tells those at 80 % or more. Told before, it has the same
 * event id, and the archive keeps the first.
 */
export async function tellQuotasOf(records: readonly OpenRecord[], deps: QuotaNoticeDeps): Promise<void> {
  const lastOf = new Map(records.filter(({ metered }) => metered).map((record) => [record.userId, record]));
  for (const [userId, record] of lastOf) {
    const user = deps.directory.user(userId);
    if (!user) continue;
    const settings = deps.directory.settings();
    const use = await deps.limits.userUse(userId);
    const whose = { ...record, period: { day: use.day, month: use.month } };
    const quotas = [
      { quota: 'daily' as const, limit: user.quotaDaily ?? settings.default_user_daily_quota, used: use.dayUsed, period: use.day },
      {
        quota: 'monthly' as const,
        limit: user.quotaMonthly ?? settings.default_user_monthly_quota,
        used: use.monthUsed,
        period: use.month,
      },
    ];
    for (const { quota, limit, used, period } of quotas) {
      if (limit === 0 || used < limit * WARN_AT) continue;
      await deps.log.append(warnedEvent(whose, { quota, limit, used, resetAt: periodEnd(period) }, deps));
    }
  }
}
