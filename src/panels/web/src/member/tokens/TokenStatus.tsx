/** A token's state with its reason and until when. */
import { Stack, Text } from '@mantine/core';
import { StatusBadge } from '../../components/StatusBadge';
import { TimeText } from '../../components/values';
import { useT } from '../../i18n';
import type { Token } from '../types';

const tones = { active: 'good', cooling: 'warn', suspended: 'bad', invalid: 'bad' } as const;

export function TokenStatus({ token }: { readonly token: Token }) {
  const t = useT('member');
  const until = token.cooldownUntil ?? (token.statusReason === 'credits' ? token.parkedUntil : null);
  return (
    <Stack gap={2} align="flex-start">
      <StatusBadge tone={tones[token.status]} label={t(`member:tokens.statuses.${token.status}`)} />
      {token.statusReason !== null && (
        <Text size="xs" c="dimmed">
          {t(`member:tokens.reasons.${token.statusReason}`)}
        </Text>
      )}
      {until !== null && (
        <Text size="xs" c="dimmed" component="div">
          {t('member:tokens.until')} <TimeText at={until} />
        </Text>
      )}
      {token.lastCheck?.ok === false && token.lastCheck.message !== null && (
        <Text size="xs" c="dimmed" className="kg-wrap">
          {token.lastCheck.message}
        </Text>
      )}
    </Stack>
  );
}
