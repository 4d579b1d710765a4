/** The frames of the two panels: who may be here, the header, the navigation, and the page in the middle. */
import { ActionIcon, AppShell, Burger, Container, Group, Menu, NavLink, ScrollArea, Text, VisuallyHidden } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconBook2, IconDevices, IconLogout, IconUserCircle } from '@tabler/icons-react';
import { Link, Navigate, Outlet, useRouterState } from '@tanstack/react-router';
import { Fragment, type ReactNode, Suspense, useEffect, useRef } from 'react';
import { adminPages } from '../admin/routes';
import { type Audience, accountOf } from '../api/client';
import { type AdminSession, type MemberSession, useEndAdminSessions, useSession, useSignOut } from '../api/session';
import { Waiting } from '../auth/Waiting';
import { Failed, Loading } from '../components/states';
import { useT } from '../i18n';
import { preloadWhenIdle, whenIdle } from '../lazy/preload';
import { memberPages } from '../member/routes';
import { Brand } from './Brand';
import type { PanelPage } from './nav';
import { isWithin, signInPath } from './returnPath';
import { LanguageSwitch, SchemeSwitch } from './Switches';

export function MemberShell() {
  return (
    <Guard audience="member" home="/panel">
      {({ user }: MemberSession) =>
        user.status === 'pending' ? (
          <Waiting name={user.username} />
        ) : (
          <Frame audience="member" home="/panel" pages={memberPages} name={user.username} />
        )
      }
    </Guard>
  );
}

export function AdminShell() {
  return (
    <Guard audience="admin" home="/admin">
      {(session: AdminSession) => <Frame audience="admin" home="/admin" pages={adminPages} name={session.actor} />}
    </Guard>
  );
}

function Guard<S>(props: {
  readonly audience: Audience;
  readonly home: '/panel' | '/admin';
  readonly children: (session: S) => ReactNode;
}) {
  const session = useSession(props.audience);
  const here = useRouterState({ select: ({ location }) => location.href });
  useAccountChange(session.data ?? null);
  // Another account's pages begin anew: no dialog or half-written form goes over to it.
  if (session.data) return <Fragment key={accountOf(session.data)}>{props.children(session.data as S)}</Fragment>;
  if (session.data === null) {
    // The address is the sign-in page's already while this frame is still shown: leading there once is enough.
    return isWithin(props.home, here) ? <Navigate to={signInPath(props.home, here)} replace /> : null;
  }
  return (
    <Container size="xs" py="xl" component="main">
      {session.error ? <Failed error={session.error} retry={() => void session.refetch()} /> : <Loading />}
    </Container>
  );
}

/** Says that somebody else is signed in than the page was shown for. */
function useAccountChange(session: MemberSession | AdminSession | null): void {
  const t = useT();
  const before = useRef<string | null>(null);
  const account = session && accountOf(session);
  const name = session && ('user' in session ? session.user.username : session.actor);
  useEffect(() => {
    if (before.current !== null && account !== null && before.current !== account) {
      notifications.show({ color: 'yellow', autoClose: false, message: t('common:auth.accountChanged', { name }) });
    }
    before.current = account;
  }, [account, name, t]);
}

interface FrameProps {
  readonly audience: Audience;
  readonly home: '/panel' | '/admin';
  readonly pages: readonly PanelPage[];
  readonly name: string;
}

function Frame({ audience, home, pages, name }: FrameProps) {
  const t = useT(audience);
  const [opened, { toggle, close }] = useDisclosure();
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  // A screen reader starts at the new page's top, not where the link was.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is what it waits for
  useEffect(() => {
    close();
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [path, close]);

  useEffect(
    () =>
      preloadWhenIdle(
        pages.map(({ load }) => load),
        whenIdle,
      ),
    [pages],
  );

  return (
    <AppShell header={{ height: 52 }} navbar={{ width: 220, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="md">
      <a href="#main" className="kg-skip">
        {t('common:nav.skip')}
      </a>
      <AppShell.Header className="kg-header">
        <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="xs" wrap="nowrap">
            <Burger
              opened={opened}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={opened ? t('common:nav.close') : t('common:nav.open')}
              aria-expanded={opened}
            />
            <Brand to={home} suffix={audience === 'admin' ? t('common:nav.admin') : ''} />
          </Group>
          <Group gap={4} wrap="nowrap">
            <LanguageSwitch />
            <SchemeSwitch />
            <AccountMenu audience={audience} name={name} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className="kg-navbar" p="xs" aria-label={t('common:nav.pages')}>
        <AppShell.Section grow component={ScrollArea}>
          {pages
            .filter(({ hidden }) => !hidden)
            .map(({ path: below, label, icon: Icon }) => {
              const to = below === '' ? home : `${home}/${below}`;
              const active = path === to || path === `${to}/` || (below !== '' && path.startsWith(`${to}/`));
              return (
                <NavLink
                  key={to}
                  renderRoot={(props) => <Link to={to} activeOptions={{ exact: below === '' }} {...props} />}
                  label={t(label)}
                  leftSection={<Icon size={18} stroke={1.7} aria-hidden />}
                  active={active}
                  {...(active && { 'aria-current': 'page' as const })}
                  style={{ borderRadius: 'var(--mantine-radius-md)' }}
                />
              );
            })}
        </AppShell.Section>
        <AppShell.Section>
          <NavLink
            renderRoot={(props) => <Link to="/docs" {...props} />}
            label={t('common:nav.docs')}
            leftSection={<IconBook2 size={18} stroke={1.7} aria-hidden />}
          />
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main className="kg-main" id="main" tabIndex={-1} ref={main}>
        <Container size="xl" p={0}>
          <Suspense fallback={<Loading rows={8} />}>
            <Outlet />
          </Suspense>
        </Container>
      </AppShell.Main>
    </AppShell>
  );
}

function AccountMenu({ audience, name }: { readonly audience: Audience; readonly name: string }) {
  const t = useT();
  const signOut = useSignOut(audience);
  const endOthers = useEndAdminSessions();
  return (
    <Menu position="bottom-end" withArrow>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('common:nav.account', { name })}>
          <IconUserCircle size={20} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <VisuallyHidden>{t('common:nav.signedInAs')} </VisuallyHidden>
          <Text span size="sm" fw={600} className="kg-wrap">
            {name}
          </Text>
        </Menu.Label>
        {audience === 'admin' && (
          <Menu.Item leftSection={<IconDevices size={16} />} onClick={endOthers}>
            {t('common:actions.endOtherSessions')}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
          {t('common:actions.signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
