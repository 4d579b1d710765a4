/** Settings that the environments of the nodes give differently: which node starts last must not decide unnoticed. */
import type { Logger } from 'pino';
import { z } from 'zod';
import type { NodeRun } from './nodeRun.js';

export interface Difference {
  readonly setting: string;
  readonly here: unknown;
  /** The first other node that has another value. */
  readonly nodeId: string;
  readonly there: unknown;
}

const valuesSchema = z.record(z.string(), z.unknown());

/** Each setting once. `settings`: this run's, as JSON; what of another run cannot be read, or it does not know, is passed over. */
export function settingDifferences(runId: string, settings: string, living: readonly NodeRun[]): readonly Difference[] {
  const here = valuesOf(settings);
  const found = new Map<string, Difference>();
  for (const run of living) {
    if (run.runId === runId) continue;
    for (const [setting, there] of Object.entries(valuesOf(run.settings))) {
      if (!(setting in here) || found.has(setting) || JSON.stringify(here[setting]) === JSON.stringify(there)) continue;
      found.set(setting, { setting, here: here[setting], nodeId: run.nodeId, there });
    }
  }
  return [...found.values()];
}

/** One warning for each setting that differs, at a start. */
export function reportDifferences(differences: readonly Difference[], logger: Logger): void {
  for (const { setting, here, nodeId, there } of differences) {
    logger.warn(
      { setting, here, nodeId, there },
      `the environment gives ${setting} differently on ${nodeId}; set it alike on all nodes, or store it`,
    );
  }
}

function valuesOf(text: string): Record<string, unknown> {
  try {
    return valuesSchema.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {};
  }
}
