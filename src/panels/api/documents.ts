/** The API's own description. */
import { z } from 'zod';
import { defineRoute } from './define.js';

export const documentRoutes = [
  defineRoute({
    method: 'get',
    path: '/openapi.json',
    access: 'public',
    summary: 'This document.',
    status: 200,
    response: z.record(z.string(), z.unknown()),
    handle: async (_request, { openApi }) => ({ body: openApi() as Record<string, unknown> }),
  }),
];
