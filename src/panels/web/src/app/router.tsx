/** All addresses of the panels; each page is a chunk that loads when it is first asked for. */
import { Container } from '@mantine/core';
import { createRootRoute, createRoute, createRouter, Outlet } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { adminPages } from '../admin/routes';
import { type LazyOptions, lazyPart } from '../lazy/lazyPart';
import { memberPages } from '../member/routes';
import { Landing } from './Landing';
import { Crashed, NotFound } from './NotFound';
import type { PanelPage } from './nav';
import { AdminShell, MemberShell } from './PanelShell';

const ownFrame = (inside: ReactNode): ReactNode => (
  <Container size="xs" py="xl" component="main">
    {inside}
  </Container>
);

export function createPanelRouter() {
  const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });
  // Not the router's own lazy component: that one answers a chunk that cannot be had by reloading the whole page.
  const pageOf = (load: PanelPage['load'], options: LazyOptions<object> = {}) => lazyPart(async () => (await load()).Page, options);
  const page = (path: string, load: PanelPage['load']) =>
    createRoute({ getParentRoute: () => root, path, component: pageOf(load, { frame: ownFrame }) });

  const member = createRoute({ getParentRoute: () => root, path: '/panel', component: MemberShell });
  const admin = createRoute({ getParentRoute: () => root, path: '/admin', component: AdminShell });
  const within = (parent: typeof member | typeof admin, pages: readonly PanelPage[]) =>
    pages.map(({ path, load }) => createRoute({ getParentRoute: () => parent, path: path === '' ? '/' : path, component: pageOf(load) }));

  return createRouter({
    routeTree: root.addChildren([
      createRoute({ getParentRoute: () => root, path: '/', component: Landing }),
      page('/login', () => import('../auth/Login')),
      page('/register', () => import('../auth/Register')),
      page('/admin/login', () => import('../auth/AdminLogin')),
      page('/docs', () => import('../docs/Reference')),
      member.addChildren(within(member, memberPages)),
      admin.addChildren(within(admin, adminPages)),
    ]),
    defaultNotFoundComponent: NotFound,
    defaultErrorComponent: Crashed,
    scrollRestoration: true,
  });
}
