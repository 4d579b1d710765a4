/** Giving tokens: one by its fields, or many by paste or file. */
import { Alert, Checkbox, Modal, Stack, Tabs, Text } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { useState } from 'react';
import { useT } from '../../i18n';
import { BulkDonation } from './BulkDonation';
import { SingleDonation } from './SingleDonation';

export function DonateForm({ onClose }: { readonly onClose: () => void }) {
  const t = useT('member');
  const [entitled, setEntitled] = useState(false);
  return (
    <Modal opened onClose={onClose} title={t('member:tokens.donate')} size="lg" closeOnClickOutside={false}>
      <Stack>
        <Alert variant="light" icon={<IconInfoCircle size={18} />} title={t('member:donate.termsTitle')}>
          <Stack gap="xs">
            <Text size="sm">{t('member:donate.terms')}</Text>
            <Checkbox
              label={t('member:donate.entitled')}
              checked={entitled}
              onChange={({ currentTarget: { checked } }) => setEntitled(checked)}
            />
          </Stack>
        </Alert>
        <Tabs defaultValue="single" keepMounted={false}>
          <Tabs.List>
            <Tabs.Tab value="single">{t('member:donate.single')}</Tabs.Tab>
            <Tabs.Tab value="bulk">{t('member:donate.bulk')}</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="single" pt="md">
            <SingleDonation entitled={entitled} onDone={onClose} />
          </Tabs.Panel>
          <Tabs.Panel value="bulk" pt="md">
            <BulkDonation entitled={entitled} onDone={onClose} />
          </Tabs.Panel>
        </Tabs>
      </Stack>
    </Modal>
  );
}
