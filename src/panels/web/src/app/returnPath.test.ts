import { describe, expect, it } from 'vitest';
import { isWithin, returnPath, signInPath } from './returnPath';

describe('a page of a panel', () => {
  it('is told from the sign-in pages and from paths that only look alike', () => {
    expect(['/panel', '/panel/keys', '/panel?x=1'].map((href) => isWithin('/panel', href))).toEqual([true, true, true]);
    expect(['/login?return=%2Fpanel', '/panels', '/'].map((href) => isWithin('/panel', href))).toEqual([false, false, false]);
    expect([isWithin('/admin', '/admin/users'), isWithin('/admin', '/admin/login?return=%2Fadmin')]).toEqual([true, false]);
  });
});

describe('the way back after sign-in', () => {
  it('leads to the page that asked for it', () => {
    const path = signInPath('/panel', '/panel/tokens?x=1');
    expect(path).toBe('/login?return=%2Fpanel%2Ftokens%3Fx%3D1');
    expect(returnPath(new URL(path, 'http://site').search, '/panel')).toBe('/panel/tokens?x=1');
    expect(signInPath('/admin', '/admin')).toBe('/admin/login');
  });

  it.each([
    'https://evil.example/panel',
    '//evil.example',
    '/panel//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
    '/panelfoo',
    '/admin',
    '',
    '/panel/<script>',
  ])('never leads to %j', (wished) => {
    expect(returnPath(`?return=${encodeURIComponent(wished)}`, '/panel')).toBe('/panel');
  });
});
