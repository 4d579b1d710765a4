/** The admin panel's first page. */
import { PageHeader } from '../components/PageHeader';
import { Empty } from '../components/states';
import { useT } from '../i18n';

export function Page() {
  const t = useT('admin');
  return (
    <>
      <PageHeader title={t('admin:nav.overview')} />
      <Empty title={t('common:states.empty')} />
    </>
  );
}
