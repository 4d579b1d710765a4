/** A pooled token's id that leads to its details. */
import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { IdText } from './IdText';

/** Callers' own tokens are never pooled: there is nothing to open. */
const foreign = 'ext-';

export function TokenLink({ id, whole }: { readonly id: string | null; readonly whole?: boolean }) {
  if (id === null || id.startsWith(foreign)) return <IdText id={id} whole={whole ?? false} />;
  return (
    <Anchor renderRoot={(props) => <Link to="/admin/tokens" search={{ token: id } as never} {...props} />}>
      <IdText id={id} whole={whole ?? false} />
    </Anchor>
  );
}
