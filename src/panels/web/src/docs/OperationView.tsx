/** One operation of the API: closed it is a line, open it tells everything. */
import { Anchor, Badge, Box, Code, Group, Paper, Stack, Table, Text } from '@mantine/core';
import { IconLink } from '@tabler/icons-react';
import { useState } from 'react';
import { CopyText } from '../components/CopyOnce';
import { useT } from '../i18n';
import { curlOf, type Field, type Operation } from './openApi';

const colors: Readonly<Record<string, string>> = { GET: 'blue', POST: 'teal', PUT: 'orange', PATCH: 'violet', DELETE: 'red' };

export function OperationView({ operation }: { readonly operation: Operation }) {
  const t = useT();
  const { id, method, path, summary } = operation;
  const [open, setOpen] = useState(() => window.location.hash === `#${id}`);
  const color = colors[method] ?? 'gray';
  return (
    <Paper p="sm" id={id}>
      <details open={open} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <Box component="summary" className="kg-summary">
          <Group gap="xs" display="inline-flex">
            <Badge variant="light" color={color} radius="sm" miw={68}>
              {method}
            </Badge>
            <Code className="kg-wrap">{path}</Code>
            <Text size="sm" span className="kg-wrap">
              {summary}
            </Text>
          </Group>
        </Box>
        {open && <Details operation={operation} label={t('common:docs.link', { name: `${method} ${path}` })} />}
      </details>
    </Paper>
  );
}

function Details({ operation, label }: { readonly operation: Operation; readonly label: string }) {
  const t = useT();
  const { id, security, parameters, body, answers } = operation;
  return (
    <Stack gap="md" pt="sm">
      <Group gap="xs" justify="space-between">
        <Text size="sm">
          {t('common:docs.access')}{' '}
          {security.length === 0
            ? t('common:docs.public')
            : security.map((one) => <Code key={one}>{one}</Code>).flatMap((one, at) => (at === 0 ? [one] : [' ', one]))}
        </Text>
        <Anchor href={`#${id}`} size="sm" aria-label={label}>
          <IconLink size={16} />
        </Anchor>
      </Group>
      {parameters.length > 0 && (
        <Fields title={t('common:docs.parameters')} fields={parameters.map((one) => ({ ...one, name: `${one.name} (${one.in})` }))} />
      )}
      {body !== null && <Fields title={`${t('common:docs.body')} · ${body.mediaTypes.join(', ')}`} fields={body.fields} />}
      {answers.map(({ status, description, mediaType, fields }) => (
        <Stack key={status} gap={4}>
          <Fields
            title={[status === 'default' ? t('common:docs.otherwise') : status, description, mediaType].filter(Boolean).join(' · ')}
            fields={fields}
          />
        </Stack>
      ))}
      <CopyText block text={curlOf(operation, window.location.origin)} label="curl" />
    </Stack>
  );
}

function Fields({ title, fields }: { readonly title: string; readonly fields: readonly Field[] }) {
  const t = useT();
  return (
    <Stack gap={4}>
      <Text size="sm" fw={600}>
        {title}
      </Text>
      {fields.length > 0 && (
        <Table.ScrollContainer minWidth={300} type="native">
          <Table className="kg-table" verticalSpacing={4} aria-label={title}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('common:docs.field')}</Table.Th>
                <Table.Th>{t('common:docs.type')}</Table.Th>
                <Table.Th>{t('common:docs.required')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>{fields.flatMap((field) => rowsOf(field, 0, '', t('common:docs.yes')))}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Stack>
  );
}

function rowsOf(field: Field, depth: number, above: string, yes: string): React.ReactNode[] {
  const path = `${above}${field.name}`;
  return [
    <Table.Tr key={path}>
      <Table.Td pl={12 + depth * 16}>
        <Code>{field.name}</Code>
        {field.description !== '' && (
          <Text size="xs" c="dimmed">
            {field.description}
          </Text>
        )}
      </Table.Td>
      <Table.Td className="kg-wrap">
        <Text size="xs" ff="monospace">
          {field.type}
        </Text>
      </Table.Td>
      <Table.Td>{field.required ? yes : ''}</Table.Td>
    </Table.Tr>,
    ...field.fields.flatMap((below) => rowsOf(below, depth + 1, `${path}.`, yes)),
  ];
}
