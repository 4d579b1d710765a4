/** What a move took in, table by table, and which rows it passed over or wants looked at. */
import { List, Stack, Table, Text, Title } from '@mantine/core';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { Report } from './types';

/** A page of notes; the whole report is in the API's answer. */
const shownNotes = 100;

export function MigrationReport({ report }: { readonly report: Report }) {
  const t = useT('admin');
  const format = useFormat();
  const notes = [
    ...report.warnings,
    ...report.passedOver.map(({ table, id, reason }) => t('admin:migration.bad', { table, id, why: reason })),
    ...report.notes.map(({ table, id, note }) => t('admin:migration.bad', { table, id, why: note })),
  ];
  return (
    <Stack gap="sm">
      <Table.ScrollContainer minWidth={420} type="native" tabIndex={0} role="region" aria-label={t('admin:migration.report')}>
        <Table className="kg-table" aria-label={t('admin:migration.report')}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('admin:migration.table')}</Table.Th>
              <Table.Th ta="right">{t('admin:migration.rows')}</Table.Th>
              <Table.Th ta="right">{t('admin:migration.imported')}</Table.Th>
              <Table.Th ta="right">{t('admin:migration.matched')}</Table.Th>
              <Table.Th ta="right">{t('admin:migration.passedOver')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {report.tables.map(({ table, rows, imported, matched, passedOver }) => (
              <Table.Tr key={table} className="kg-numeric">
                <Table.Td>{table}</Table.Td>
                {[rows, imported, matched, passedOver].map((value, column) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: four fixed columns
                  <Table.Td key={column} ta="right">
                    {format.number(value)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {notes.length > 0 && (
        <>
          <Title order={3}>{t('admin:migration.notes')}</Title>
          <List size="sm">
            {notes.slice(0, shownNotes).map((note) => (
              <List.Item key={note}>
                <Text span size="sm" className="kg-wrap">
                  {note}
                </Text>
              </List.Item>
            ))}
          </List>
        </>
      )}
    </Stack>
  );
}
