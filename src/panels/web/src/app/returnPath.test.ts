import { describe, expect, it } from 'vitest';
import { returnPath, signInPath } from './returnPath';

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
