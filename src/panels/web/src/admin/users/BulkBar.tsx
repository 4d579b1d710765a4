/** What may be done to all selected members at once. Banning asks first. */
import { Button, Group, Paper, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { LimitedInput } from '../../components/LimitedText';
import { useT } from '../../i18n';
import { usersPath } from './types';

interface Changed {
  readonly changed: number;
}
type Act = 'approve' | 'ban' | 'unban';
const said = { approve: 'approved', ban: 'banned', unban: 'unbanned' } as const;

/** Approves, bans or lifts bans, and says how many members it changed. */
export function useUserActs(onDone: () => void) {
  const t = useT('admin');
  const write = useWrite<Changed>({ refreshes: [usersPath] });
  return {
    busy: write.isPending,
    act(act: Act, ids: readonly string[], reason = '') {
      const body = { ids, ...(reason === '' ? {} : { reason }) };
      write.mutate(
        { method: 'POST', path: `${usersPath}/batch-${act}`, body },
        {
          onSuccess({ changed }) {
            notifications.show({ color: 'green', message: t(`admin:users.${said[act]}`, { count: changed }) });
            onDone();
          },
        },
      );
    },
  };
}

export function BulkBar({ selected, onDone }: { readonly selected: ReadonlySet<string>; readonly onDone: () => void }) {
  const t = useT('admin');
  const [banning, setBanning] = useState(false);
  const { act, busy } = useUserActs(() => {
    setBanning(false);
    onDone();
  });
  const ids = [...selected];
  if (ids.length === 0) return null;
  return (
    <Paper p="xs" mb="sm" role="region" aria-label={t('admin:users.bulk')} pos="sticky" top={64} style={{ zIndex: 2 }}>
      <Group gap="xs">
        <Text size="sm" fw={600} role="status">
          {t('admin:common.selected', { count: ids.length })}
        </Text>
        <Button size="xs" loading={busy} onClick={() => act('approve', ids)}>
          {t('admin:users.approve')}
        </Button>
        <Button size="xs" color="red" disabled={busy} onClick={() => setBanning(true)}>
          {t('admin:users.ban')}
        </Button>
        <Button size="xs" variant="default" disabled={busy} onClick={() => act('unban', ids)}>
          {t('admin:users.unban')}
        </Button>
        <Button size="xs" variant="subtle" onClick={onDone}>
          {t('admin:users.clearSelection')}
        </Button>
      </Group>
      <BanModal
        count={ids.length}
        opened={banning}
        busy={busy}
        onBan={(reason) => act('ban', ids, reason)}
        onClose={() => setBanning(false)}
      />
    </Paper>
  );
}

export interface BanModalProps {
  readonly count: number;
  readonly opened: boolean;
  readonly busy: boolean;
  readonly onBan: (reason: string) => void;
  readonly onClose: () => void;
}

export function BanModal({ count, opened, busy, onBan, onClose }: BanModalProps) {
  const t = useT('admin');
  const [reason, setReason] = useState('');
  return (
    <ConfirmModal
      opened={opened}
      title={t('admin:users.banTitle', { count })}
      confirm={t('admin:users.ban')}
      danger
      busy={busy}
      onConfirm={() => onBan(reason.trim())}
      onClose={onClose}
    >
      <Text size="sm" mb="sm">
        {t('admin:users.banConfirm')}
      </Text>
      <LimitedInput
        label={t('admin:common.reasonOptional')}
        value={reason}
        max={500}
        onChange={({ currentTarget }) => setReason(currentTarget.value)}
      />
    </ConfirmModal>
  );
}
