/** Imports through the panel, joined to what a node has. */
import type { Logger } from 'pino';
import { createImportService, type ImportService } from '../commands/migration/service.js';
import type { Config } from '../config.js';
import type { Directory } from '../projections/directory.js';
import type { Clock } from '../shared/clock.js';
import type { Ids } from '../shared/ids.js';
import type { Settings } from '../shared/settings.js';
import type { Upstreams } from '../upstreams/index.js';
import type { Backbone } from './backbone.js';

export interface ImportsContext {
  readonly config: Config;
  readonly nodeId: string;
  readonly logger: Logger;
  readonly backbone: Pick<Backbone, 'db' | 'vault' | 'secrets' | 'committed'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly directory: Pick<Directory, 'catchUp'>;
  readonly defaults: Settings;
  readonly upstreams: Upstreams;
}

export function openImports(context: ImportsContext): ImportService {
  const { config, nodeId, logger, backbone, clock, ids, directory, defaults, upstreams } = context;
  return createImportService({
    db: backbone.db,
    vault: backbone.vault,
    ids,
    clock,
    nodeId,
    logger,
    defaults,
    parseCredential(input) {
      const kiro = upstreams.get('kiro');
      if (kiro === undefined) throw new Error('there is no Kiro upstream in this build');
      return kiro.parseCredential(input);
    },
    async committed(position) {
      await Promise.all([backbone.committed?.(position), directory.catchUp(position)]);
    },
    dataDir: config.DATA_DIR,
    importDir: config.IMPORT_DIR,
    ...(backbone.db.engine === 'sqlite' && { ownFile: config.sqlitePath }),
    ownKeys: [config.OLD_TOKEN_ENCRYPT_KEY, backbone.secrets.tokenEncryptKey, config.TOKEN_ENCRYPT_KEY_PREVIOUS],
  });
}
