/** Gives a parked event up, with a reason that goes into the audit log. */
import { Text } from '@mantine/core';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { LimitedInput } from '../../components/LimitedText';
import { useT } from '../../i18n';
import { FormModal } from '../shared/FormModal';
import { type Parked, parkedPath } from './types';

export interface DiscardModalProps {
  readonly item: Parked;
  readonly refreshes: readonly string[];
  readonly onClose: () => void;
}

export function DiscardModal({ item, refreshes, onClose }: DiscardModalProps) {
  const t = useT('admin');
  const [reason, setReason] = useState('');
  const write = useWrite({ refreshes, quiet: true, done: t('admin:parked.discarded') });
  const submit = (): void =>
    write.mutate({ method: 'POST', path: `${parkedPath}/${item.id}/discard`, body: { reason: reason.trim() } }, { onSuccess: onClose });
  return (
    <FormModal
      opened
      title={t('admin:parked.discardTitle')}
      submit={t('admin:parked.discard')}
      busy={write.isPending}
      error={write.error}
      onSubmit={submit}
      onClose={onClose}
    >
      <Text size="sm">{t('admin:parked.discardConfirm')}</Text>
      <LimitedInput
        label={t('admin:parked.discardReason')}
        required
        data-autofocus
        max={500}
        value={reason}
        error={write.error?.param === 'reason'}
        onChange={({ currentTarget }) => setReason(currentTarget.value)}
      />
    </FormModal>
  );
}
