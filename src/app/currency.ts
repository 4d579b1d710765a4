/** Joins the directory to the other nodes' words and the control stream, for the time in which this node cannot ask the database. */
import { type CurrencyService, startCurrency } from '../cluster/currency.js';
import type { LifeSign } from '../cluster/lifeSign.js';
import { readControl } from '../events/log/redis/control.js';
import type { RedisConnection } from '../infra/redis/connection.js';
import type { LiveDirectory } from '../projections/directory.js';
import type { BackboneOptions } from './backbone.js';

export interface CurrencyOptions extends Pick<BackboneOptions, 'clock' | 'logger' | 'teardown'> {
  readonly runId: string;
  readonly redis: RedisConnection;
  readonly lifeSign: Pick<LifeSign, 'known'>;
  readonly directory: LiveDirectory;
  readonly homeTerm: () => number;
  /** There is something to relay that another node committed. */
  readonly relay: () => void;
}

export async function openCurrency({
  redis,
  runId,
  lifeSign,
  directory,
  homeTerm,
  relay,
  clock,
  logger,
  teardown,
}: CurrencyOptions): Promise<CurrencyService> {
  const currency = await startCurrency({
    runId,
    redis,
    directory,
    homeTerm,
    readAhead: async () => directory.runAhead(await readControl(redis, directory.position())),
    known: () => lifeSign.known(),
    clock,
    logger,
  });
  teardown.add('currency', () => currency.close());
  // The node that committed may have lost Redis: then whoever followed brings it to the stream.
  let relayed = directory.position();
  const end = directory.onFollowed(() => {
    if (directory.position() > relayed) relay();
    relayed = directory.position();
  });
  teardown.add('relay of what others committed', end);
  return currency;
}
