/** A member's id that leads to their details. */
import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { IdText } from './IdText';

export function UserLink({ id, none, whole }: { readonly id: string | null; readonly none: string; readonly whole?: boolean }) {
  if (id === null || id === '') return <>{none}</>;
  return (
    <Anchor renderRoot={(props) => <Link to="/admin/users" search={{ user: id } as never} {...props} />}>
      <IdText id={id} whole={whole ?? false} />
    </Anchor>
  );
}
