/** Banned addresses and ranges: see, ban, lift. */
import { Button } from '@mantine/core';
import { IconBan } from '@tabler/icons-react';
import { useState } from 'react';
import type { ApiError } from '../../api/errors';
import { useLive, useSoon } from '../../api/live';
import { useList, useRefresh, useWrite } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { type Column, DataTable } from '../../components/DataTable';
import { LimitedInput } from '../../components/LimitedText';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Empty } from '../../components/states';
import { TimeText } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { eventStreamPath, ipEvents } from '../shared/eventTypes';
import { FormModal } from '../shared/FormModal';

interface Ban {
  readonly id: string;
  readonly ip: string;
  readonly reason: string | null;
  readonly actor: string;
  readonly createdAt: string;
}

const path = '/admin/api/ip-bans';

export function Page() {
  const t = useT('admin');
  const list = useList<Ban>(path);
  const [banning, setBanning] = useState(false);
  const [lifting, setLifting] = useState<Ban | null>(null);
  const lift = useWrite({ refreshes: [path], done: t('admin:ipBans.lifted') });
  const refresh = useRefresh();
  const soon = useSoon(() => refresh([path]));
  const live = useLive(eventStreamPath, ipEvents, soon);
  const close = (): void => setLifting(null);
  return (
    <>
      <PageHeader title={t('admin:ipBans.title')} description={t('admin:ipBans.lead')}>
        <LiveBadge state={live} />
        <Button leftSection={<IconBan size={16} />} onClick={() => setBanning(true)}>
          {t('admin:ipBans.ban')}
        </Button>
      </PageHeader>
      <DataTable
        label={t('admin:ipBans.title')}
        columns={columns(t, setLifting)}
        list={list}
        rowKey={({ id }) => id}
        empty={<Empty title={t('admin:ipBans.empty')} hint={t('admin:ipBans.emptyHint')} />}
      />
      <BanForm opened={banning} onClose={() => setBanning(false)} />
      <ConfirmModal
        opened={lifting !== null}
        title={t('admin:ipBans.liftTitle', { ip: lifting?.ip ?? '' })}
        confirm={t('admin:ipBans.lift')}
        busy={lift.isPending}
        onConfirm={() => lifting && lift.mutate({ method: 'DELETE', path: `${path}/${lifting.id}` }, { onSettled: close })}
        onClose={close}
      >
        {t('admin:ipBans.liftConfirm')}
      </ConfirmModal>
    </>
  );
}

function columns(t: Translate, onLift: (ban: Ban) => void): readonly Column<Ban>[] {
  return [
    { key: 'ip', header: t('admin:ipBans.address'), primary: true, cell: ({ ip }) => <strong>{ip}</strong> },
    { key: 'reason', header: t('admin:common.reason'), cell: ({ reason }) => <span className="kg-wrap">{reason ?? '–'}</span> },
    { key: 'actor', header: t('admin:common.createdBy'), cell: ({ actor }) => actor },
    { key: 'at', header: t('admin:common.created'), cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    {
      key: 'act',
      header: t('admin:common.actions'),
      align: 'right',
      cell: (ban) => (
        <Button size="xs" variant="default" aria-label={t('admin:ipBans.liftOf', { ip: ban.ip })} onClick={() => onLift(ban)}>
          {t('admin:ipBans.lift')}
        </Button>
      ),
    },
  ];
}

const empty = { ip: '', reason: '' };

/** Refused until it is confirmed: the ban would lock out whoever asks for it. */
const coversOwn = (error: ApiError | null): boolean => error?.reason === 'own_address';

function BanForm({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  const t = useT('admin');
  const [form, setForm] = useState(empty);
  const write = useWrite({ refreshes: [path], quiet: true, done: t('admin:ipBans.banned') });
  const close = (): void => {
    setForm(empty);
    write.reset();
    onClose();
  };
  const ip = form.ip.trim();
  const submit = (confirm: boolean): void => {
    const reason = form.reason.trim();
    const body = { ip, ...(reason === '' ? {} : { reason }), ...(confirm && { confirm }) };
    write.mutate({ method: 'POST', path, body }, { onSuccess: close });
  };
  const own = coversOwn(write.error);
  if (opened && own) {
    return (
      <ConfirmModal
        opened
        danger
        title={t('admin:ipBans.ownTitle', { ip })}
        confirm={t('admin:ipBans.ownConfirm')}
        busy={write.isPending}
        onConfirm={() => submit(true)}
        onClose={() => write.reset()}
      >
        {t('admin:ipBans.ownText', { ip })}
      </ConfirmModal>
    );
  }
  return (
    <FormModal
      opened={opened}
      title={t('admin:ipBans.ban')}
      submit={t('admin:ipBans.ban')}
      busy={write.isPending}
      error={write.error}
      onSubmit={() => submit(false)}
      onClose={close}
    >
      <LimitedInput
        label={t('admin:ipBans.address')}
        description={t('admin:ipBans.addressHint')}
        required
        data-autofocus
        max={100}
        value={form.ip}
        error={write.error?.param === 'ip'}
        onChange={({ currentTarget: { value } }) => setForm((before) => ({ ...before, ip: value }))}
      />
      <LimitedInput
        label={t('admin:common.reasonOptional')}
        max={500}
        value={form.reason}
        error={write.error?.param === 'reason'}
        onChange={({ currentTarget: { value } }) => setForm((before) => ({ ...before, reason: value }))}
      />
    </FormModal>
  );
}
