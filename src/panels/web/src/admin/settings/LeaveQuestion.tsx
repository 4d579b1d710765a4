/** Asks before unsaved settings are left behind: by a link, the way back, or closing the window, where the browser asks itself. */
import { useBlocker } from '@tanstack/react-router';
import { ConfirmModal } from '../../components/ConfirmModal';
import { useT } from '../../i18n';

export function LeaveQuestion({ unsaved }: { readonly unsaved: number }) {
  const t = useT('admin');
  const leaving = useBlocker({
    shouldBlockFn: ({ current, next }) => unsaved > 0 && next.pathname !== current.pathname,
    enableBeforeUnload: () => unsaved > 0,
    withResolver: true,
  });
  return (
    <ConfirmModal
      opened={leaving.status === 'blocked'}
      title={t('admin:settings.leaveTitle')}
      confirm={t('admin:settings.leave')}
      danger
      onConfirm={() => leaving.proceed?.()}
      onClose={() => leaving.reset?.()}
    >
      {t('admin:settings.leaveText', { count: unsaved })}
    </ConfirmModal>
  );
}
