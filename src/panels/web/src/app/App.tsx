/** Everything around the pages: look, texts, data, notices, routes. */
import { createTheme, MantineProvider, mergeThemeOverrides } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { type QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type AnyRouter, RouterProvider } from '@tanstack/react-router';
import type { i18n as I18n } from 'i18next';
import { type ReactNode, useMemo } from 'react';
import { I18nextProvider } from 'react-i18next';
import type { Api } from '../api/client';
import { ApiProvider } from '../api/context';
import { useT } from '../i18n';
import { contrast, theme } from './theme';

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
      <Look nonce={nonce}>
        <Notifications position="top-right" limit={4} />
        <QueryClientProvider client={queries}>
          <ApiProvider value={api}>
            <RouterProvider router={router} />
          </ApiProvider>
        </QueryClientProvider>
      </Look>
    </I18nextProvider>
  );
}

/** Theme, with the names of close buttons in the reader's language. */
function Look({ nonce, children }: { readonly nonce: string; readonly children: ReactNode }) {
  const t = useT();
  const named = useMemo(() => {
    const closes = { defaultProps: { closeButtonProps: { 'aria-label': t('common:actions.close') } } };
    return mergeThemeOverrides(theme, createTheme({ components: { Modal: closes, Drawer: closes, Notification: closes } }));
  }, [t]);
  return (
    <MantineProvider theme={named} cssVariablesResolver={contrast} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      {children}
    </MantineProvider>
  );
}
