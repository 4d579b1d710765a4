/** What the sign-in page shows before anybody is known: its buttons, and whether one may sign up. */
import { z } from 'zod';
import { defineRoute } from '../define.js';
import type { SignInOptions } from './options.js';

const provider = z.strictObject({
  id: z.enum(['github', 'oidc']),
  name: z.string(),
  /** Where the button leads. */
  startPath: z.string(),
});

function providersOf({ github, oidc }: SignInOptions): z.input<typeof provider>[] {
  return [
    ...(github ? [{ id: 'github' as const, name: 'GitHub', startPath: '/auth/github' }] : []),
    ...(oidc ? [{ id: 'oidc' as const, name: oidc.name, startPath: '/auth/oidc' }] : []),
  ];
}

export const providerRoutes = [
  defineRoute({
    method: 'get',
    path: '/auth/providers',
    access: 'public',
    summary: 'How one may sign in and up: outside providers, and whether new members are taken at once.',
    status: 200,
    response: z.strictObject({
      providers: z.array(provider),
      /** May one sign up? */
      registration: z.boolean(),
      selfUse: z.boolean(),
      requireApproval: z.boolean(),
    }),
    async handle(_request, { directory, signIn }) {
      await directory.catchUp();
      const { self_use_enabled: selfUse, require_approval: requireApproval } = directory.settings();
      return { body: { providers: providersOf(signIn), registration: !selfUse, selfUse, requireApproval } };
    },
  }),
];
