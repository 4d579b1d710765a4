/** Chooses the file and starts the move, after asking. */
import { Alert, Button, Checkbox, FileInput, Group, PasswordInput, Progress, SegmentedControl, Stack } from '@mantine/core';
import { IconAlertTriangle, IconDatabaseImport } from '@tabler/icons-react';
import { useState } from 'react';
import { ConfirmModal } from '../../components/ConfirmModal';
import { LimitedInput } from '../../components/LimitedText';
import { useT } from '../../i18n';
import { useErrorText } from '../../i18n/errorText';
import { type Source, useStartMigration } from './useStartMigration';

export function MigrationForm({ onStarted }: { readonly onStarted: (id: string) => void }) {
  const t = useT('admin');
  const errorText = useErrorText();
  const [kind, setKind] = useState<'upload' | 'path'>('upload');
  const [file, setFile] = useState<File | null>(null);
  const [path, setPath] = useState('');
  const [key, setKey] = useState('');
  const [dryRun, setDryRun] = useState(false);
  const [asking, setAsking] = useState(false);
  const { start, busy, sent, error } = useStartMigration(onStarted);
  const options = { key: key.trim(), dryRun };
  const named = path.trim() === '' ? null : { path: path.trim(), ...options };
  const source: Source | null = kind === 'upload' ? file && { file, ...options } : named;
  return (
    <Stack gap="md" maw={560}>
      <SegmentedControl
        aria-label={t('admin:migration.source')}
        value={kind}
        data={[
          { value: 'upload', label: t('admin:migration.upload') },
          { value: 'path', label: t('admin:migration.path') },
        ]}
        onChange={(value) => setKind(value === 'path' ? 'path' : 'upload')}
      />
      {kind === 'upload' ? (
        <FileInput
          label={t('admin:migration.file')}
          placeholder={t('admin:migration.choose')}
          accept=".db,.sqlite,.sqlite3,application/vnd.sqlite3,application/octet-stream"
          value={file}
          onChange={setFile}
          clearable
          clearButtonProps={{ 'aria-label': t('admin:common.resetFilters') }}
        />
      ) : (
        <LimitedInput
          label={t('admin:migration.pathLabel')}
          description={t('admin:migration.pathHint')}
          value={path}
          max={1_000}
          error={error?.param === 'path'}
          onChange={({ currentTarget }) => setPath(currentTarget.value)}
        />
      )}
      <PasswordInput
        label={t('admin:migration.key')}
        description={t('admin:migration.keyHint')}
        autoComplete="off"
        value={key}
        error={error?.param === 'tokenEncryptKey'}
        visibilityToggleButtonProps={{ 'aria-label': t('admin:users.showPassword') }}
        onChange={({ currentTarget }) => setKey(currentTarget.value)}
      />
      <Checkbox label={t('admin:migration.dryRun')} checked={dryRun} onChange={({ currentTarget }) => setDryRun(currentTarget.checked)} />
      {busy && kind === 'upload' && <Progress value={sent * 100} animated aria-label={t('admin:migration.sending')} />}
      {error && (
        <Alert color="red" icon={<IconAlertTriangle size={18} />} role="alert">
          {error.status === 404 || error.status === 405 ? t('admin:migration.unavailable') : errorText(error)}
        </Alert>
      )}
      <Group>
        <Button leftSection={<IconDatabaseImport size={16} />} disabled={source === null} loading={busy} onClick={() => setAsking(true)}>
          {t('admin:migration.start')}
        </Button>
      </Group>
      <ConfirmModal
        opened={asking}
        title={t('admin:migration.confirmTitle')}
        confirm={t('admin:migration.start')}
        onConfirm={() => {
          setAsking(false);
          if (source) start(source);
        }}
        onClose={() => setAsking(false)}
      >
        {t('admin:migration.confirm')}
      </ConfirmModal>
    </Stack>
  );
}
