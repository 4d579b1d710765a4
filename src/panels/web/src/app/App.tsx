/** Everything around the pages: look, texts, data, notices, routes. */
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { type QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type AnyRouter, RouterProvider } from '@tanstack/react-router';
import type { i18n as I18n } from 'i18next';
import { I18nextProvider } from 'react-i18next';
import type { Api } from '../api/client';
import { ApiProvider } from '../api/context';
import { theme } from './theme';

export interface AppProps {
  readonly api: Api;
  readonly queries: QueryClient;
  readonly router: AnyRouter;
  readonly i18n: I18n;
  /** Of the page's content security policy; styles written at run time carry it. */
  readonly nonce: string;
}

export function App({ api, queries, router, i18n, nonce }: AppProps) {
  return (
    <I18nextProvider i18n={i18n}>
      <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
        <Notifications position="top-right" limit={4} />
        <QueryClientProvider client={queries}>
          <ApiProvider value={api}>
            <RouterProvider router={router} />
          </ApiProvider>
        </QueryClientProvider>
      </MantineProvider>
    </I18nextProvider>
  );
}
