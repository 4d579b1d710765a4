/** The member's first page: figures, quotas, what the site announces and what happened to own tokens. */
import { Grid, Stack } from '@mantine/core';
import { IconActivity, IconCalendar, IconCalendarMonth, IconCircleCheck, IconTicket } from '@tabler/icons-react';
import { useGet } from '../../api/queries';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Stat, StatGrid } from '../../components/Stat';
import { Failed } from '../../components/states';
import { NumberText, RateText } from '../../components/values';
import { useT } from '../../i18n';
import type { Stats } from '../types';
import { type MemberNews, useMemberLive } from '../useMemberLive';
import { Announcements } from './Announcements';
import { Notifications } from './Notifications';
import { Quotas } from './Quotas';

const shown = ['/user/api/stats', '/user/api/quota', '/user/api/notifications', '/user/api/announcements'];
const news: readonly MemberNews[] = ['request', 'token', 'quota', 'account', 'notification', 'announcement'];

export function Page() {
  const t = useT('member');
  const stats = useGet<Stats>('/user/api/stats');
  const live = useMemberLive(news, shown);
  const size = 18;
  return (
    <>
      <PageHeader title={t('member:nav.overview')}>
        <LiveBadge state={live} />
      </PageHeader>
      <Stack>
        {stats.error && <Failed error={stats.error} retry={() => void stats.refetch()} />}
        <StatGrid>
          <Stat
            label={t('member:overview.total')}
            value={stats.data && <NumberText value={stats.data.totalRequests} />}
            icon={<IconActivity size={size} aria-hidden />}
          />
          <Stat
            label={t('member:overview.today')}
            value={stats.data && <NumberText value={stats.data.requestsToday} />}
            hint={t('member:overview.utc')}
            icon={<IconCalendar size={size} aria-hidden />}
          />
          <Stat
            label={t('member:overview.month')}
            value={stats.data && <NumberText value={stats.data.requestsThisMonth} />}
            hint={t('member:overview.utc')}
            icon={<IconCalendarMonth size={size} aria-hidden />}
          />
          <Stat
            label={t('member:overview.successRate')}
            value={stats.data && <RateText value={stats.data.successRate} of={stats.data.totalRequests} />}
            icon={<IconCircleCheck size={size} aria-hidden />}
          />
          <Stat
            label={t('member:overview.donated')}
            value={stats.data && <NumberText value={stats.data.donatedTokens} />}
            icon={<IconTicket size={size} aria-hidden />}
          />
        </StatGrid>
        <Grid>
          <Grid.Col span={{ base: 12, md: 6 }}>
            <Stack>
              <Quotas />
              <Announcements />
            </Stack>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 6 }}>
            <Notifications />
          </Grid.Col>
        </Grid>
      </Stack>
    </>
  );
}
