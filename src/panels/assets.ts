/** The files of a build in memory, each with its type and compressed forms. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip, constants as zlib } from 'node:zlib';

export type Encoding = 'br' | 'gzip';

export interface Asset {
  readonly type: string;
  readonly plain: Buffer;
  /** Of `plain`. */
  readonly hash: string;
  /** Empty where compressing would gain nothing. */
  readonly encoded: Readonly<Record<Encoding, Buffer>>;
  /** The name carries a hash of the content. */
  readonly hashed: boolean;
}

/** By URL path: `/index.html`, `/assets/…`. A path that is no key is no file: nothing is looked up on disk. */
export type Assets = ReadonlyMap<string, Asset>;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};
const compressible = new Set(['.js', '.css', '.json', '.svg']);
const none = Buffer.alloc(0);
/** Compressed when a node first shows a panel: quality 11 would take many times as long for a tenth less. */
const brotliQuality = 5;

/** Everything below `folder`, or null where there is no `index.html`: nothing was built. */
export async function readAssets(folder: string): Promise<Assets | null> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const assets = new Map<string, Asset>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    assets.set(`/${relative(folder, file).split(sep).join('/')}`, await readAsset(file));
  }
  return assets.has('/index.html') ? assets : null;
}

async function readAsset(file: string): Promise<Asset> {
  const plain = await readFile(file);
  const extension = extname(file);
  const shrink = compressible.has(extension);
  return {
    type: types[extension] ?? 'application/octet-stream',
    plain,
    hash: createHash('sha256').update(plain).digest('base64url').slice(0, 22),
    encoded: { br: shrink ? await brotli(plain) : none, gzip: shrink ? await promisify(gzip)(plain) : none },
    hashed: /-[\w-]{8}\.\w+$/.test(file),
  };
}

function brotli(plain: Buffer): Promise<Buffer> {
  return promisify(brotliCompress)(plain, { params: { [zlib.BROTLI_PARAM_QUALITY]: brotliQuality } });
}
