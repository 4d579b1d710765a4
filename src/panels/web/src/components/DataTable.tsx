/** A list as a table; below 600 px each row is a card. Loads further pages on demand, sorts and selects where the page says so. */
import { Button, Checkbox, Group, Paper, Stack, Table, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconChevronDown, IconChevronUp, IconSelector } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { List } from '../api/queries';
import { useT } from '../i18n';
import { Failed, Loading } from './states';

export interface Column<T> {
  readonly key: string;
  readonly header: string;
  readonly cell: (row: T) => ReactNode;
  readonly align?: 'left' | 'right' | 'center';
  /** The API can sort by it: the header becomes a button. */
  readonly sortable?: boolean;
  /** Stands at the top of a card, without its header. Usually the first column. */
  readonly primary?: boolean;
  /** Smallest width in a table, px. */
  readonly width?: number;
}

export interface Sorting {
  readonly by: string;
  readonly descending: boolean;
}

export interface DataTableProps<T> {
  /** What the table lists, for screen readers. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly list: Pick<List<T>, 'items' | 'isPending' | 'error'> & Partial<List<T>>;
  readonly rowKey: (row: T) => string;
  /** Shown when the list is empty. */
  readonly empty: ReactNode;
  readonly sorting?: Sorting;
  onSort?(sorting: Sorting): void;
  readonly selected?: ReadonlySet<string>;
  onSelect?(selected: ReadonlySet<string>): void;
  /** Names a row for its checkbox. */
  readonly rowLabel?: (row: T) => string;
  /** A row that asks for attention. */
  readonly tone?: (row: T) => 'danger' | undefined;
}

export function DataTable<T>(props: DataTableProps<T>) {
  const { list } = props;
  const t = useT();
  const narrow = useMediaQuery('(max-width: 599px)', false, { getInitialValueInEffect: false });
  if (list.isPending) return <Loading rows={6} />;
  if (list.items.length === 0) {
    return list.error ? <Failed error={list.error} {...(list.refetch && { retry: list.refetch })} /> : props.empty;
  }
  return (
    <Stack gap="sm">
      {list.error && <Failed error={list.error} {...(list.refetch && { retry: list.refetch })} />}
      {narrow ? <Cards {...props} /> : <Rows {...props} />}
      {list.hasMore && (
        <Group justify="center">
          <Button variant="default" size="xs" loading={list.isLoadingMore ?? false} onClick={() => list.loadMore?.()}>
            {t('common:actions.loadMore')}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

const danger = 'var(--mantine-color-red-light)';

function Rows<T>(props: DataTableProps<T>) {
  const { columns, list, rowKey, selected, tone } = props;
  return (
    <Table.ScrollContainer minWidth={600} type="native" tabIndex={0} role="region" aria-label={props.label}>
      <Table highlightOnHover className="kg-table" aria-label={props.label}>
        <Table.Thead>
          <Table.Tr>
            {selected && (
              <Table.Th w={36}>
                <SelectAll {...props} />
              </Table.Th>
            )}
            {columns.map((column) => (
              <HeaderCell key={column.key} column={column} {...props} />
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {list.items.map((row) => (
            <Table.Tr key={rowKey(row)} {...(tone?.(row) === 'danger' && { bg: danger })}>
              {selected && (
                <Table.Td>
                  <SelectOne row={row} {...props} />
                </Table.Td>
              )}
              {columns.map((column) => (
                <Table.Td key={column.key} ta={column.align ?? 'left'} className={column.align === 'right' ? 'kg-numeric' : ''}>
                  {column.cell(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function HeaderCell<T>({ column, sorting, onSort }: DataTableProps<T> & { readonly column: Column<T> }) {
  const active = sorting?.by === column.key;
  const Icon = active ? (sorting.descending ? IconChevronDown : IconChevronUp) : IconSelector;
  return (
    <Table.Th
      ta={column.align ?? 'left'}
      {...(column.width !== undefined && { miw: column.width })}
      {...(active && { 'aria-sort': sorting.descending ? 'descending' : 'ascending' })}
    >
      {column.sortable && onSort ? (
        <button
          type="button"
          className="kg-sort"
          onClick={() => onSort({ by: column.key, descending: active ? !sorting.descending : true })}
        >
          {column.header}
          <Icon size={14} aria-hidden />
        </button>
      ) : (
        column.header
      )}
    </Table.Th>
  );
}

function Cards<T>(props: DataTableProps<T>) {
  const { columns, list, rowKey, selected, tone } = props;
  return (
    <Stack gap="xs">
      {selected && <SelectAll {...props} withLabel />}
      <Stack gap="xs" role="list" aria-label={props.label}>
        {list.items.map((row) => (
          <Paper key={rowKey(row)} p="sm" role="listitem" {...(tone?.(row) === 'danger' && { bg: danger })}>
            <Stack gap={6}>
              <Group gap="xs" wrap="nowrap" align="flex-start">
                {selected && <SelectOne row={row} {...props} />}
                {columns
                  .filter(({ primary }) => primary)
                  .map((column) => (
                    <div key={column.key} className="kg-wrap">
                      {column.cell(row)}
                    </div>
                  ))}
              </Group>
              {columns
                .filter(({ primary }) => !primary)
                .map((column) => (
                  <Group key={column.key} justify="space-between" wrap="nowrap" gap="sm" align="flex-start">
                    <Text size="xs" c="dimmed" className="kg-label">
                      {column.header}
                    </Text>
                    <Text component="div" size="sm" ta="right" className="kg-wrap">
                      {column.cell(row)}
                    </Text>
                  </Group>
                ))}
            </Stack>
          </Paper>
        ))}
      </Stack>
    </Stack>
  );
}

function SelectOne<T>({ row, rowKey, rowLabel, selected, onSelect }: DataTableProps<T> & { readonly row: T }) {
  const t = useT();
  const id = rowKey(row);
  return (
    <Checkbox
      size="xs"
      aria-label={t('common:table.select', { name: rowLabel?.(row) ?? id })}
      checked={selected?.has(id) ?? false}
      onChange={({ currentTarget: { checked } }) => {
        const next = new Set(selected);
        if (checked) next.add(id);
        else next.delete(id);
        onSelect?.(next);
      }}
    />
  );
}

function SelectAll<T>({ list, rowKey, selected, onSelect, withLabel }: DataTableProps<T> & { readonly withLabel?: boolean }) {
  const t = useT();
  const all = list.items.length > 0 && list.items.every((row) => selected?.has(rowKey(row)));
  const label = t('common:table.selectAll');
  return (
    <Checkbox
      size="xs"
      {...(withLabel ? { label } : { 'aria-label': label })}
      checked={all}
      indeterminate={!all && (selected?.size ?? 0) > 0}
      onChange={() => onSelect?.(all ? new Set() : new Set(list.items.map(rowKey)))}
    />
  );
}
