/** The scripts of the event log. */
import { fileURLToPath } from 'node:url';
import type { RedisReply } from '../../../infra/redis/connection.js';
import { loadScripts, type RedisScript } from '../../../infra/redis/scripts.js';

// From dist as well: the scripts stay where they are in the sources.
const folder = fileURLToPath(new URL('../../../../src/events/log/lua', import.meta.url));

const NAMES = ['appendEvents', 'askProducers', 'publishArchived', 'forgetProducers'] as const;

export type LogScripts = Readonly<Record<(typeof NAMES)[number], RedisScript>>;

export function loadLogScripts(): LogScripts {
  const scripts = loadScripts(folder);
  const found = NAMES.map((name) => {
    const script = scripts.get(name);
    if (!script) throw new Error(`the script ${name} is missing in ${folder}`);
    return [name, script] as const;
  });
  return Object.fromEntries(found) as LogScripts;
}

/** Refusals of a server that is not itself for the moment. */
const PASSING = /^(LOADING|READONLY|MASTERDOWN|TRYAGAIN|CLUSTERDOWN|BUSY|UNBLOCKED)\b/;

/** Whether the error says that Redis is out of reach or not itself, rather than that the call was wrong. */
export function isOutage(error: unknown): boolean {
  return !(error instanceof Error && error.name === 'ReplyError') || PASSING.test(error.message);
}

/** The value behind a name in a flat list of names and values. */
export function fieldOf(reply: RedisReply, name: string): RedisReply | undefined {
  if (!Array.isArray(reply)) return undefined;
  const list = reply as readonly RedisReply[];
  const at = list.findIndex((each, index) => index % 2 === 0 && each === name);
  return at < 0 ? undefined : list[at + 1];
}
