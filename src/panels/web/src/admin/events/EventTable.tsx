/** Events in a list; each opens as CloudEvents JSON. */
import { Button, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { CopyText } from '../../components/CopyOnce';
import { type Column, DataTable, type DataTableProps } from '../../components/DataTable';
import { type Translate, useT } from '../../i18n';
import { type Format, useFormat } from '../../i18n/format';
import { IdText } from '../shared/IdText';
import { SideDrawer } from '../shared/SideDrawer';
import { TypeText, typeLabel } from '../shared/TypeText';

export interface CloudEvent {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly actor?: string;
  readonly correlationid?: string | null;
  readonly partition?: string;
  readonly sequence?: string;
  readonly cursor: string;
}

export interface EventTableProps {
  readonly list: DataTableProps<CloudEvent>['list'];
  readonly empty: ReactNode;
}

export function EventTable({ list, empty }: EventTableProps) {
  const t = useT('admin');
  const format = useFormat();
  const [opened, setOpened] = useState<CloudEvent | null>(null);
  return (
    <>
      <DataTable
        label={t('admin:events.title')}
        columns={columns(t, format, setOpened)}
        list={list}
        rowKey={({ id }) => id}
        empty={empty}
      />
      <SideDrawer opened={opened !== null} onClose={() => setOpened(null)} title={opened === null ? '' : typeLabel(t, opened.type)}>
        {opened !== null && <CopyText block text={jsonOf(opened)} label={t('admin:events.json')} />}
      </SideDrawer>
    </>
  );
}

/** Without the cursor, which stands beside the CloudEvent. */
function jsonOf({ cursor: _cursor, ...event }: CloudEvent): string {
  return JSON.stringify(event, null, 2);
}

function columns(t: Translate, format: Format, onOpen: (event: CloudEvent) => void): readonly Column<CloudEvent>[] {
  return [
    {
      key: 'type',
      header: t('admin:common.type'),
      primary: true,
      width: 160,
      cell: ({ type }) => (
        <Text size="sm" fw={600} component="div">
          <TypeText type={type} />
        </Text>
      ),
    },
    { key: 'time', header: t('admin:common.time'), width: 140, cell: ({ time }) => <time dateTime={time}>{format.dateTime(time)}</time> },
    { key: 'subject', header: t('admin:common.subject'), cell: ({ subject }) => <span className="kg-wrap">{subject}</span> },
    { key: 'actor', header: t('admin:events.actor'), cell: ({ actor }) => <span className="kg-wrap">{actor ?? '–'}</span> },
    {
      key: 'where',
      header: t('admin:common.position'),
      cell: ({ partition, sequence }) => (
        <Text size="sm" className="kg-numeric">
          {partition} · {sequence}
        </Text>
      ),
    },
    { key: 'correlation', header: t('admin:events.correlationId'), cell: ({ correlationid }) => <IdText id={correlationid ?? null} /> },
    {
      key: 'act',
      header: 'JSON',
      align: 'right',
      cell: (event) => (
        <Button size="compact-sm" variant="default" aria-label={t('admin:events.show', { id: event.id })} onClick={() => onOpen(event)}>
          JSON
        </Button>
      ),
    },
  ];
}
