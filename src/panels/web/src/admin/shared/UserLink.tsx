/** A member's id that leads to their details. */
import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useT } from '../../i18n';
import { IdText } from './IdText';

export function UserLink({ id, none, whole }: { readonly id: string | null; readonly none: string; readonly whole?: boolean }) {
  const t = useT('admin');
  if (id === null || id === '') return <>{none}</>;
  return (
    <Anchor
      renderRoot={(props) => <Link to="/admin/users" search={{ user: id } as never} {...props} />}
      aria-label={t('admin:users.open', { name: id })}
    >
      <IdText id={id} whole={whole ?? false} />
    </Anchor>
  );
}
