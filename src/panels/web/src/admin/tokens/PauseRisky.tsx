/** Pauses every token at high risk, after saying how many that is. */
import { notifications } from '@mantine/notifications';
import { useGet, useWrite } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { Failed, Loading } from '../../components/states';
import { useT } from '../../i18n';
import { tokensPath } from './types';

export function PauseRisky({ onClose }: { readonly onClose: () => void }) {
  const t = useT('admin');
  const risky = useGet<{ count: number }>('/admin/api/tokens/risky');
  const write = useWrite<{ paused: readonly string[] }>({ refreshes: [tokensPath] });
  const count = risky.data?.count ?? 0;
  const pause = (): void =>
    write.mutate(
      { method: 'POST', path: `${tokensPath}/batch-pause-risky` },
      {
        onSuccess({ paused }) {
          notifications.show({ color: 'green', message: t('admin:tokens.pausedRisky', { count: paused.length }) });
          onClose();
        },
      },
    );
  return (
    <ConfirmModal
      opened
      title={t('admin:tokens.pauseRiskyTitle')}
      confirm={count === 0 ? t('admin:common.close') : t('admin:tokens.pauseRiskyAction', { count })}
      danger={count > 0}
      busy={write.isPending || risky.isPending}
      onConfirm={count === 0 ? onClose : pause}
      onClose={onClose}
    >
      {risky.data ? (
        count === 0 ? (
          t('admin:tokens.pauseRiskyNone')
        ) : (
          t('admin:tokens.pauseRiskyConfirm', { count })
        )
      ) : risky.error ? (
        <Failed error={risky.error} retry={() => void risky.refetch()} />
      ) : (
        <Loading rows={2} height={16} />
      )}
    </ConfirmModal>
  );
}
