/** What the control events of a user tell about its state. */
import { z } from 'zod';
import { count } from '../fields.js';

export const userStatus = z.enum(['active', 'pending', 'banned']);

/** How a person proved who they are. */
export const signInMethod = z.enum(['password', 'github', 'oidc']);

/** Requests per UTC day and month; null: the site's default. */
export const userQuota = z.object({ daily: count.nullable(), monthly: count.nullable() });
