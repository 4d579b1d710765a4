/** `npm run build`: compiles the node into `dist` and the panels into `dist/web`. */
import { ensureBuilt } from './prepare.js';

ensureBuilt();
