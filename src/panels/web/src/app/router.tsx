/** All addresses of the panels; each page is a chunk that loads when it is first asked for. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from '@tanstack/react-router';
import { adminPages } from '../admin/routes';
import { memberPages } from '../member/routes';
import { Landing } from './Landing';
import { Crashed, NotFound } from './NotFound';
import type { PanelPage } from './nav';
import { AdminShell, MemberShell } from './PanelShell';

export function createPanelRouter() {
  const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });
  const page = (path: string, load: PanelPage['load']) =>
    createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load, 'Page') });

  const member = createRoute({ getParentRoute: () => root, path: '/panel', component: MemberShell });
  const admin = createRoute({ getParentRoute: () => root, path: '/admin', component: AdminShell });
  const within = (parent: typeof member | typeof admin, pages: readonly PanelPage[]) =>
    pages.map(({ path, load }) =>
      createRoute({ getParentRoute: () => parent, path: path === '' ? '/' : path, component: lazyRouteComponent(load, 'Page') }),
    );

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
    defaultPreload: 'intent',
    defaultNotFoundComponent: NotFound,
    defaultErrorComponent: Crashed,
    scrollRestoration: true,
  });
}
