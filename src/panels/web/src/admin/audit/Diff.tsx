/** The details of an audit entry, readable: what was before, what is now. */
import { Group, Stack, Text, VisuallyHidden } from '@mantine/core';
import { IconArrowRight } from '@tabler/icons-react';
import { useT } from '../../i18n';
import { useFieldText } from '../../i18n/fieldText';
import { useFormat } from '../../i18n/format';
import { badColor, goodColor } from '../shared/colors';
import { type DiffRow, diffRows } from './diff';

export function Diff({ details }: { readonly details: Readonly<Record<string, unknown>> }) {
  const t = useT('admin');
  const format = useFormat();
  const { name } = useFieldText();
  const rows = diffRows(details, {
    name,
    time: (at) => format.dateTime(new Date(at).toISOString()),
    yes: t('admin:common.yes'),
    no: t('admin:common.no'),
  });
  if (rows.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t('admin:audit.noDetails')}
      </Text>
    );
  return (
    <Stack gap={4}>
      {rows.map((row) => (
        <Row key={row.field} row={row} />
      ))}
    </Stack>
  );
}

function Row({ row }: { readonly row: DiffRow }) {
  const t = useT('admin');
  const unset = t('admin:audit.unset');
  return (
    <Group gap={6} align="baseline" wrap="wrap">
      {row.field !== '' && (
        <Text size="xs" c="dimmed">
          {row.field}
        </Text>
      )}
      {row.kind === 'value' ? (
        <Text size="sm" className="kg-wrap">
          {row.value ?? unset}
        </Text>
      ) : (
        <>
          <VisuallyHidden>{t('admin:audit.before')}</VisuallyHidden>
          <Text size="sm" component="del" className="kg-wrap" c={badColor}>
            {row.before ?? unset}
          </Text>
          <IconArrowRight size={14} aria-hidden />
          <VisuallyHidden>{t('admin:audit.after')}</VisuallyHidden>
          <Text size="sm" component="ins" td="none" fw={600} className="kg-wrap" c={goodColor}>
            {row.after ?? unset}
          </Text>
        </>
      )}
    </Group>
  );
}
