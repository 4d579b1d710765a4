/** Entry of a node: config → app → listen → drain. Exit codes: 0 stopped, 69 a store is out of reach, 70 a fault of ours, 78 bad configuration. */
import { serve } from './cli/serve.js';

// Everything is closed by now; nothing forgotten may keep the process.
process.exit(await serve(process.env));
