/** Taking a token back: asks first, then shows the proof that its secret is gone. */
import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconShieldCheck } from '@tabler/icons-react';
import { useWrite } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { CopyText } from '../../components/CopyOnce';
import { TimeText } from '../../components/values';
import { useT } from '../../i18n';
import type { Removal, Token } from '../types';

export function Withdraw({ token, onClose }: { readonly token: Token; readonly onClose: () => void }) {
  const t = useT('member');
  const withdraw = useWrite<Removal>({ refreshes: ['/user/api/tokens', '/user/api/stats'] });
  const name = token.name ?? token.id;
  if (withdraw.data) return <Proof removal={withdraw.data} name={name} onClose={onClose} />;
  return (
    <ConfirmModal
      opened
      title={t('member:withdraw.title', { name })}
      confirm={t('member:tokens.withdraw')}
      danger
      busy={withdraw.isPending}
      onClose={onClose}
      onConfirm={() => withdraw.mutate({ method: 'DELETE', path: `/user/api/tokens/${token.id}` })}
    >
      {t('member:withdraw.text')}
    </ConfirmModal>
  );
}

function Proof({ removal, name, onClose }: { readonly removal: Removal; readonly name: string; readonly onClose: () => void }) {
  const t = useT('member');
  const erased = removal.secretsErased;
  return (
    <Modal opened onClose={onClose} title={t('member:withdraw.proofTitle', { name })}>
      <Stack>
        <Alert
          role="status"
          color={erased ? 'teal' : 'red'}
          icon={erased ? <IconShieldCheck size={18} /> : <IconAlertTriangle size={18} />}
          title={erased ? t('member:withdraw.erased') : t('member:withdraw.notErased')}
        >
          <Text size="sm" component="div">
            {t('member:withdraw.at')} <TimeText at={removal.deletedAt} exact />
          </Text>
        </Alert>
        <Text size="sm">{t('member:withdraw.event')}</Text>
        <CopyText text={removal.eventId} label={t('member:withdraw.eventId')} />
        <Group justify="flex-end">
          <Button onClick={onClose}>{t('common:actions.close')}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
