/** The API's reference page. */
import { PageHeader } from '../components/PageHeader';
import { useT } from '../i18n';

export function Page() {
  const t = useT();
  return <PageHeader title={t('common:nav.docs')} />;
}
