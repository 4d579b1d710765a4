/** Starts a move: a server path as JSON, a file as it is, with how much of it is sent. */
import { useState } from 'react';
import { withParams } from '../../api/client';
import { useApi } from '../../api/context';
import { ApiError, errorOf } from '../../api/errors';
import { useSession } from '../../api/session';
import { migrationsPath } from './types';

export type Source = ({ readonly file: File } | { readonly path: string }) & {
  /** The old installation's TOKEN_ENCRYPT_KEY; '' for none. */
  readonly key: string;
  readonly dryRun: boolean;
};

const startPath = `${migrationsPath}/sqlite`;

export interface StartMigration {
  readonly busy: boolean;
  /** Share of the file that is sent, 0–1. */
  readonly sent: number;
  readonly error: ApiError | null;
  start(source: Source): void;
}

export function useStartMigration(onStarted: (id: string) => void): StartMigration {
  const api = useApi();
  const csrf = useSession('admin').data?.csrfToken ?? null;
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState(0);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async (source: Source): Promise<void> => {
    setBusy(true);
    setError(null);
    setSent(0);
    try {
      const { id } =
        'path' in source
          ? await api.send<{ id: string }>('POST', startPath, {
              path: source.path,
              dryRun: source.dryRun,
              ...(source.key === '' ? {} : { tokenEncryptKey: source.key }),
            })
          : await upload(source, csrf, setSent);
      onStarted(id);
    } catch (thrown) {
      setError(
        thrown instanceof ApiError ? thrown : new ApiError({ status: 0, code: 'network', message: 'No answer came.', cause: thrown }),
      );
    } finally {
      setBusy(false);
    }
  };
  return { busy, sent, error, start: (source) => void run(source) };
}

/** fetch tells nothing of what it has sent; the older request does. */
function upload(
  { file, key, dryRun }: Source & { readonly file: File },
  csrf: string | null,
  onSent: (share: number) => void,
): Promise<{ id: string }> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', withParams(startPath, { dryRun }));
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.setRequestHeader('accept', 'application/json');
    // Headers hold ASCII for sure, and keys hold what people typed.
    if (key !== '') request.setRequestHeader('x-old-encrypt-key', `UTF-8''${encodeURIComponent(key)}`);
    if (csrf !== null) request.setRequestHeader('x-csrf-token', csrf);
    request.upload.onprogress = ({ loaded, total }) => onSent(total === 0 ? 0 : loaded / total);
    request.onerror = () => reject(new ApiError({ status: 0, code: 'network', message: 'No answer came.' }));
    request.onload = () => {
      const response = new Response(request.responseText, { status: request.status });
      if (response.ok) resolve(JSON.parse(request.responseText) as { id: string });
      else void errorOf(response).then(reject);
    };
    request.send(file);
  });
}
