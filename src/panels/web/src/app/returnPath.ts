/** Where sign-in leads back to: a path of this site and of the same panel, never another site's. */

/** The `return` parameter when it is a path below `within`; else `within` itself. */
export function returnPath(search: string, within: '/panel' | '/admin'): string {
  const wished = new URLSearchParams(search).get('return') ?? '';
  const own = new RegExp(`^${within}(/[\\w./-]*)?(\\?[\\w=&%.+-]*)?$`);
  return own.test(wished) && !wished.includes('//') && !wished.startsWith('/admin/login') ? wished : within;
}

export function signInPath(within: '/panel' | '/admin', current: string): string {
  const login = within === '/admin' ? '/admin/login' : '/login';
  return current === within ? login : `${login}?return=${encodeURIComponent(current)}`;
}

/** Whether an address is one of the panel's pages, its sign-in page not among them. */
export function isWithin(within: '/panel' | '/admin', href: string): boolean {
  return new RegExp(`^${within}(?=[/?#]|$)`).test(href) && !href.startsWith('/admin/login');
}
