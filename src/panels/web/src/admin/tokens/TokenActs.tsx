/** What may be done to one token: look, check, pause or resume, remove. */
import { ActionIcon, Menu } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconDots, IconListDetails, IconPlayerPause, IconPlayerPlay, IconStethoscope, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { useT } from '../../i18n';
import { nameOf, type Token, tokensPath } from './types';

interface Check {
  readonly ok: boolean;
  readonly failure: string | null;
  readonly message: string | null;
}

export function useTokenActs(token: Token) {
  const t = useT('admin');
  const name = nameOf(token);
  const options = { refreshes: [tokensPath] };
  const pause = useWrite({ ...options, done: t('admin:tokens.paused', { name }) });
  const resume = useWrite({ ...options, done: t('admin:tokens.resumed', { name }) });
  const remove = useWrite({ ...options, done: t('admin:tokens.removed', { name }) });
  const check = useWrite<Check>(options);
  const path = `${tokensPath}/${token.id}`;
  return {
    busy: pause.isPending || resume.isPending || remove.isPending || check.isPending,
    pause: () => pause.mutate({ method: 'POST', path: `${path}/pause` }),
    resume: () => resume.mutate({ method: 'POST', path: `${path}/resume` }),
    remove: (onSettled: () => void) => remove.mutate({ method: 'DELETE', path }, { onSettled }),
    check: () =>
      check.mutate(
        { method: 'POST', path: `${path}/check` },
        {
          onSuccess({ ok, failure, message }) {
            const why = [failure, message].filter(Boolean).join(': ');
            notifications.show(
              ok
                ? { color: 'green', message: t('admin:tokens.checkOk', { name }) }
                : { color: 'red', message: t('admin:tokens.checkFailed', { name, message: why }), autoClose: 8_000 },
            );
          },
        },
      ),
  };
}

/** May it be put back into service? A cooling token may, too: its failures are then forgotten. */
export const resumable = ({ status }: Token): boolean => status !== 'active';
export const pausable = ({ status, statusReason }: Token): boolean => status !== 'invalid' && statusReason !== 'admin';

export function TokenActs({ token, onOpen }: { readonly token: Token; readonly onOpen: (id: string) => void }) {
  const t = useT('admin');
  const acts = useTokenActs(token);
  const [removing, setRemoving] = useState(false);
  return (
    <>
      <Menu position="bottom-end" withArrow>
        <Menu.Target>
          <ActionIcon variant="default" aria-label={t('admin:common.actionsFor', { name: nameOf(token) })} loading={acts.busy}>
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconListDetails size={16} />} onClick={() => onOpen(token.id)}>
            {t('admin:tokens.openDetails')}
          </Menu.Item>
          <Menu.Item leftSection={<IconStethoscope size={16} />} onClick={acts.check}>
            {t('admin:tokens.check')}
          </Menu.Item>
          {pausable(token) && (
            <Menu.Item leftSection={<IconPlayerPause size={16} />} onClick={acts.pause}>
              {t('admin:tokens.pause')}
            </Menu.Item>
          )}
          {resumable(token) && (
            <Menu.Item leftSection={<IconPlayerPlay size={16} />} onClick={acts.resume}>
              {t('admin:tokens.resume')}
            </Menu.Item>
          )}
          <Menu.Divider />
          <Menu.Item leftSection={<IconTrash size={16} />} onClick={() => setRemoving(true)}>
            {t('admin:tokens.remove')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <RemoveToken token={token} opened={removing} onClose={() => setRemoving(false)} />
    </>
  );
}

export interface RemoveTokenProps {
  readonly token: Token;
  readonly opened: boolean;
  readonly onClose: () => void;
}

export function RemoveToken({ token, opened, onClose }: RemoveTokenProps) {
  const t = useT('admin');
  const acts = useTokenActs(token);
  return (
    <ConfirmModal
      opened={opened}
      title={t('admin:tokens.removeTitle', { name: nameOf(token) })}
      confirm={t('admin:tokens.remove')}
      danger
      busy={acts.busy}
      onConfirm={() => acts.remove(onClose)}
      onClose={onClose}
    >
      {t('admin:tokens.removeConfirm')}
    </ConfirmModal>
  );
}
