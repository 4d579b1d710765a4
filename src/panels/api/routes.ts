/** The whole API as one list. */
import type { Route } from './define.js';

export const routes: readonly Route[] = [];
