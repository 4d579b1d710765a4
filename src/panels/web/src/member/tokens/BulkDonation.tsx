/** Many tokens at once; what became of each row is told. */
import { Alert, Button, FileButton, Group, ScrollArea, Stack, Table, Text, Textarea } from '@mantine/core';
import { IconCircleCheck, IconUpload } from '@tabler/icons-react';
import { useState } from 'react';
import { withParams } from '../../api/client';
import { useWrite } from '../../api/queries';
import { FormAlert } from '../../components/FormAlert';
import { useT } from '../../i18n';
import { useFieldText } from '../../i18n/fieldText';
import { useFormat } from '../../i18n/format';
import { type Rejection, rejectionText } from './rejections';
import { VisibilityInput } from './VisibilityInput';

interface Report {
  readonly accepted: number;
  readonly rejected: readonly Rejection[];
}

export function BulkDonation({ entitled, onDone }: { readonly entitled: boolean; readonly onDone: () => void }) {
  const t = useT('member');
  const [text, setText] = useState('');
  const [visibility, setVisibility] = useState('public');
  const send = useWrite<Report>({ refreshes: ['/user/api/tokens', '/user/api/stats'], quiet: true });
  // The API reads the text, however it is written: what was chosen here goes beside it and holds for each of its rows.
  const submit = (): void => send.mutate({ method: 'POST', path: withParams('/user/api/tokens/import', { visibility }), body: text });
  if (send.data) return <ReportView report={send.data} onAgain={send.reset} onDone={onDone} />;
  return (
    <Stack>
      <FormAlert error={send.error} />
      <Textarea
        label={t('member:donate.paste')}
        description={t('member:donate.pasteHint')}
        value={text}
        onChange={({ currentTarget: { value } }) => setText(value)}
        minRows={8}
        maxRows={16}
        autosize
        spellCheck={false}
        autoComplete="off"
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
      />
      <VisibilityInput value={visibility} onChange={setVisibility} />
      <Group justify="space-between">
        <FileButton
          accept=".json,.jsonl,.ndjson,.csv,.tsv,.txt,application/json,text/csv,text/plain"
          onChange={(file) => {
            if (file !== null) void file.text().then(setText);
          }}
          inputProps={{ 'aria-label': t('member:donate.file') }}
        >
          {(props) => (
            <Button variant="default" leftSection={<IconUpload size={16} />} {...props}>
              {t('member:donate.file')}
            </Button>
          )}
        </FileButton>
        <Button onClick={submit} loading={send.isPending} disabled={!entitled || text.trim() === ''}>
          {t('member:donate.check')}
        </Button>
      </Group>
    </Stack>
  );
}

function ReportView({ report, onAgain, onDone }: { readonly report: Report; readonly onAgain: () => void; readonly onDone: () => void }) {
  const t = useT('member');
  const format = useFormat();
  const fields = useFieldText();
  const { accepted, rejected } = report;
  return (
    <Stack>
      <Alert
        role="status"
        color={rejected.length === 0 ? 'teal' : 'yellow'}
        icon={<IconCircleCheck size={18} />}
        title={t('member:donate.report')}
      >
        <Text size="sm">
          {t('member:donate.reportText', { accepted: format.number(accepted), rejected: format.number(rejected.length) })}
        </Text>
      </Alert>
      {rejected.length > 0 && (
        <ScrollArea.Autosize
          mah={300}
          type="auto"
          viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': t('member:donate.rejected') }}
        >
          <Table className="kg-table" aria-label={t('member:donate.rejected')}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('member:donate.row')}</Table.Th>
                <Table.Th>{t('member:donate.reason')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rejected.map((one) => (
                <Table.Tr key={one.index}>
                  <Table.Td>{format.number(one.index + 1)}</Table.Td>
                  <Table.Td className="kg-wrap">{rejectionText(one, fields)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea.Autosize>
      )}
      <Group justify="flex-end" gap="xs">
        {rejected.length > 0 && (
          <Button variant="default" onClick={onAgain}>
            {t('member:donate.again')}
          </Button>
        )}
        <Button onClick={onDone}>{t('common:actions.close')}</Button>
      </Group>
    </Stack>
  );
}
