/** What every adapter of the limits must do; each adapter's test runs this suite on its own. */
import { afterEach } from 'vitest';
import { choiceCases } from './testing/choiceCases.js';
import { Context, type OpenLimits } from './testing/context.js';
import { failuresCases } from './testing/failuresCases.js';
import { limitsModel } from './testing/model.js';
import { parkedCases } from './testing/parkedCases.js';
import { precedenceCases } from './testing/precedenceCases.js';
import { propertiesCases } from './testing/propertiesCases.js';
import { quotasCases } from './testing/quotasCases.js';
import { refusalsCases } from './testing/refusalsCases.js';
import { releaseCases } from './testing/releaseCases.js';
import { windowsCases } from './testing/windowsCases.js';

/** `open` gives a fresh adapter on a clock that stands still; `runs`: random histories to play. */
export function limitsContract(open: OpenLimits, runs = 150): void {
  const on = new Context(open);
  afterEach(() => on.close());
  quotasCases(on);
  refusalsCases(on);
  windowsCases(on);
  failuresCases(on);
  parkedCases(on);
  choiceCases(on);
  precedenceCases(on);
  releaseCases(on);
  propertiesCases(on, Math.ceil(runs / 3));
  limitsModel(open, runs);
}
