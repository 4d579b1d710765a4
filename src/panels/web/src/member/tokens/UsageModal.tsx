/** Who used a donated token and how much, over the last 30 days. */
import { BarChart } from '@mantine/charts';
import '@mantine/charts/styles.css';
import { Modal, ScrollArea, SimpleGrid, Stack, Table, Text } from '@mantine/core';
import { useGet } from '../../api/queries';
import { Stat } from '../../components/Stat';
import { Empty, Shown } from '../../components/states';
import { NumberText } from '../../components/values';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { Token, TokenUsage } from '../types';

export function UsageModal({ token, onClose }: { readonly token: Token; readonly onClose: () => void }) {
  const t = useT('member');
  const usage = useGet<TokenUsage>(`/user/api/tokens/${token.id}/usage`, { days: 30 });
  return (
    <Modal opened onClose={onClose} title={t('member:usage.title', { name: token.name ?? token.id })} size="xl">
      <Shown query={usage}>
        {(data) => (data.total.requests === 0 ? <Empty title={t('member:usage.empty')} /> : <UsageView usage={data} />)}
      </Shown>
    </Modal>
  );
}

function UsageView({ usage }: { readonly usage: TokenUsage }) {
  const t = useT('member');
  const format = useFormat();
  const { total, days, consumers } = usage;
  return (
    <Stack>
      <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
        <Stat label={t('member:usage.requests')} value={<NumberText value={total.requests} />} />
        <Stat label={t('member:usage.successes')} value={<NumberText value={total.successes} />} />
        <Stat label={t('member:usage.input')} value={<NumberText value={total.inputTokens} unit="compact" />} />
        <Stat label={t('member:usage.output')} value={<NumberText value={total.outputTokens} unit="compact" />} />
      </SimpleGrid>
      <figure aria-label={t('member:usage.perDay')}>
        <BarChart
          h={180}
          data={[...days].reverse().map(({ day, requests }) => ({ day, requests }))}
          dataKey="day"
          series={[{ name: 'requests', label: t('member:usage.requests'), color: 'brand.6' }]}
          valueFormatter={format.number}
          tickLine="none"
          gridAxis="y"
          maxBarWidth={28}
        />
      </figure>
      <Text size="sm" c="dimmed">
        {t('member:usage.privacy')}
      </Text>
      <ScrollArea.Autosize mah={320} type="auto" viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': t('member:usage.consumers') }}>
        <Table className="kg-table" aria-label={t('member:usage.consumers')}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('member:usage.who')}</Table.Th>
              <Table.Th ta="right">{t('member:usage.requests')}</Table.Th>
              <Table.Th ta="right">{t('member:usage.successes')}</Table.Th>
              <Table.Th ta="right">{t('member:usage.input')}</Table.Th>
              <Table.Th ta="right">{t('member:usage.output')}</Table.Th>
              <Table.Th>{t('member:usage.lastDay')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {consumers.map((one) => (
              <Table.Tr key={one.label}>
                <Table.Td>{t(`member:usage.kinds.${one.kind}`, { label: one.label.replace(/^member /, '') })}</Table.Td>
                <Table.Td ta="right">
                  <NumberText value={one.requests} />
                </Table.Td>
                <Table.Td ta="right">
                  <NumberText value={one.successes} />
                </Table.Td>
                <Table.Td ta="right">
                  <NumberText value={one.inputTokens} unit="compact" />
                </Table.Td>
                <Table.Td ta="right">
                  <NumberText value={one.outputTokens} unit="compact" />
                </Table.Td>
                <Table.Td>{one.lastDay}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea.Autosize>
    </Stack>
  );
}
