/** Entry of a node: config → app → listen → drain. Exit codes: 0 stopped, 69 a store is out of reach, 70 a fault of ours, 78 bad configuration. */
import { serve } from './cli/serve.js';

process.exitCode = await serve(process.env);
