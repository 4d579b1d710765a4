/** Tokens that went into and came out of each model. */
import { Table, Text } from '@mantine/core';
import { Panel } from '../../components/Panel';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { Metrics } from './types';

export function ModelTokens({ tokens }: { readonly tokens: Metrics['modelTokens'] }) {
  const t = useT('admin');
  const format = useFormat();
  const rows = Object.entries(tokens);
  return (
    <Panel title={t('admin:metrics.modelTokens')}>
      {rows.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t('admin:metrics.none')}
        </Text>
      ) : (
        <Table aria-label={t('admin:metrics.modelTokens')} className="kg-table">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('admin:common.model')}</Table.Th>
              <Table.Th ta="right">{t('admin:metrics.tokensIn')}</Table.Th>
              <Table.Th ta="right">{t('admin:metrics.tokensOut')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(([model, { input, output }]) => (
              <Table.Tr key={model}>
                <Table.Td className="kg-wrap">{model}</Table.Td>
                <Table.Td ta="right" className="kg-numeric">
                  {format.number(input)}
                </Table.Td>
                <Table.Td ta="right" className="kg-numeric">
                  {format.number(output)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Panel>
  );
}
