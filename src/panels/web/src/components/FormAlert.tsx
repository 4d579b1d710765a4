/** What the API refused, above the form it belongs to; a fault of one field stands at that field instead. */
import { Alert } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { ApiError } from '../api/errors';
import { useErrorText } from '../i18n/errorText';

export function FormAlert({ error }: { readonly error: ApiError | null }) {
  const errorText = useErrorText();
  if (error === null) return null;
  return (
    <Alert color="red" variant="light" role="alert" icon={<IconAlertTriangle size={18} />}>
      {errorText(error)}
    </Alert>
  );
}
