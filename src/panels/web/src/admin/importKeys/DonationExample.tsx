/** How a script donates with an import key: a request that works as it stands, and its answer. */
import { Text } from '@mantine/core';
import { CopyText } from '../../components/CopyOnce';
import { Panel } from '../../components/Panel';
import { useT } from '../../i18n';

const request = (origin: string): string => `curl -sS ${origin}/api/tokens/import \\
  -H "Authorization: Bearer $IMPORT_KEY" \\
  -H "Content-Type: application/json" \\
  -d '[{"refreshToken": "…", "visibility": "public", "name": "team account"},
       {"refreshToken": "…", "clientId": "…", "clientSecret": "…", "region": "us-east-1"}]'`;

const answer = `{"accepted": 1, "rejected": [{"index": 1, "reason": "refreshToken looks cut; copy the whole value …"}]}`;

export function DonationExample() {
  const t = useT('admin');
  return (
    <Panel title={t('admin:importKeys.example')}>
      <CopyText block text={request(window.location.origin)} label={t('admin:importKeys.exampleRequest')} />
      <Text size="sm">{t('admin:importKeys.exampleHint')}</Text>
      <CopyText block text={answer} label={t('admin:importKeys.exampleAnswer')} />
    </Panel>
  );
}
