/** What an unknown address shows, and a page that broke. */
import { Anchor, Button, Container } from '@mantine/core';
import { PageHeader } from '../components/PageHeader';
import { Empty } from '../components/states';
import { useT } from '../i18n';

export function NotFound() {
  const t = useT();
  return (
    <Container size="sm" py="xl" component="main" id="main">
      <PageHeader title={t('common:notFound.title')} />
      <Empty title={t('common:notFound.hint')}>
        <Anchor href="/">{t('common:notFound.home')}</Anchor>
      </Empty>
    </Container>
  );
}

export function Crashed() {
  const t = useT();
  return (
    <Container size="sm" py="xl" component="main" id="main">
      <PageHeader title={t('common:crashed.title')} />
      <Empty title={t('common:crashed.hint')}>
        <Button onClick={() => window.location.reload()}>{t('common:crashed.reload')}</Button>
      </Empty>
    </Container>
  );
}
