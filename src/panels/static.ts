/** Serves the built panels: pages under a strict policy with a nonce each, hashed assets for ever, compressed once. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';
import { cookieNames, readCookie } from './api/access.js';
import { type Asset, type Assets, type Encoding, readAssets } from './assets.js';

export interface StaticDeps {
  /** Folder of the build: `index.html` and what it names. */
  readonly folder: string;
  /** A fresh nonce per page. Default: 16 random bytes. */
  readonly nonce?: () => string;
}

/** True when the request was for a panel and is answered, or will be. */
export type StaticFiles = (req: IncomingMessage, res: ServerResponse) => boolean;

/** What stands in `index.html` where each answer differs. */
const places = { nonce: '__CSP_NONCE__', sessions: '__SESSIONS__' };
const missing =
  'The panels are not built. Run `npm run build` (or `npm start`, which builds what is missing), then start the node again.\n';

/** Reads the folder at the first request for a panel and keeps it; where there is none, tries again at the next. */
export function createStaticFiles({ folder, nonce = () => randomBytes(16).toString('base64') }: StaticDeps): StaticFiles {
  const harden = helmet({
    contentSecurityPolicy: false,
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  });
  let loading: Promise<Assets | null> | undefined;
  const load = async (): Promise<Assets | null> => {
    loading ??= readAssets(folder);
    const assets = await loading;
    if (assets === null) loading = undefined;
    return assets;
  };

  return (req, res) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return false;
    const path = (req.url ?? '/').split('?', 1)[0] ?? '/';
    const page = isPage(path, req.headers.accept ?? '');
    if (!page && !isAsset(path)) return false;
    harden(req, res, () => undefined);
    void load().then(
      (assets) => {
        const asset = assets?.get(page ? '/index.html' : path);
        if (assets === null) send(req, res, 503, { 'retry-after': '30', ...textHeaders }, Buffer.from(missing));
        else if (asset === undefined) send(req, res, 404, textHeaders, Buffer.from('Nothing is here.\n'));
        else if (page) sendPage(req, res, asset, nonce());
        else sendAsset(req, res, asset);
      },
      () => send(req, res, 500, textHeaders, Buffer.from('The panels could not be read.\n')),
    );
    return true;
  };
}

const textHeaders = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };

/** Under `/admin` the API lives as well: there a page is only what asks for HTML. */
function isPage(path: string, accept: string): boolean {
  if (/^\/(login|register|docs|panel|admin)?\/?$/.test(path) || path.startsWith('/panel/')) return true;
  return path.startsWith('/admin/') && !/^\/admin\/(api|config)(\/|$)/.test(path) && /\btext\/html\b/.test(accept);
}

const isAsset = (path: string): boolean => path.startsWith('/assets/') || path === '/favicon.svg' || path === '/favicon.ico';

function policy(nonce: string): string {
  return [
    "default-src 'self'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "object-src 'none'",
  ].join('; ');
}

function sendPage(req: IncomingMessage, res: ServerResponse, asset: Asset, nonce: string): void {
  const headers = { 'content-type': asset.type, 'cache-control': 'no-store', 'content-security-policy': policy(nonce) };
  const page = asset.plain.toString('utf8').replaceAll(places.nonce, nonce).replaceAll(places.sessions, sessionsOf(req));
  send(req, res, 200, headers, Buffer.from(page));
}

/** Which sessions the browser has a cookie for, valid or not: a guest's page then asks for none, and gets no 401. */
function sessionsOf(req: IncomingMessage): string {
  const has = (name: string): boolean => readCookie(req, name) !== undefined;
  return [has(cookieNames.user) && 'member', has(cookieNames.admin) && 'admin'].filter(Boolean).join(' ');
}

function sendAsset(req: IncomingMessage, res: ServerResponse, asset: Asset): void {
  const encoding = encodingFor(req.headers['accept-encoding'] ?? '', asset);
  const body = encoding === undefined ? asset.plain : asset.encoded[encoding];
  const etag = `"${asset.hash}-${encoding ?? 'plain'}"`;
  const headers = {
    'content-type': asset.type,
    'cache-control': asset.hashed ? 'public, max-age=31536000, immutable' : 'public, max-age=3600',
    etag,
    vary: 'accept-encoding',
    ...(encoding && { 'content-encoding': encoding }),
  };
  if (knows(req, etag)) {
    res.writeHead(304, { etag, 'cache-control': headers['cache-control'], vary: headers.vary });
    res.end();
  } else send(req, res, 200, headers, body);
}

/** The smaller of what the client takes: brotli before gzip. A `;q=0` is a no. */
function encodingFor(accepted: string, asset: Asset): Encoding | undefined {
  const takes = (name: Encoding): boolean => new RegExp(`(^|[, ])${name}(?!\\s*;\\s*q=0(\\.0*)?\\s*(,|$))\\s*(;|,|$)`).test(accepted);
  return (['br', 'gzip'] as const).find((name) => asset.encoded[name].length > 0 && takes(name));
}

function knows(req: IncomingMessage, etag: string): boolean {
  const given = req.headers['if-none-match'];
  return given !== undefined && (given.trim() === '*' || given.split(',').some((one) => one.trim().replace(/^W\//, '') === etag));
}

function send(req: IncomingMessage, res: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body: Buffer): void {
  res.writeHead(status, { ...headers, 'content-length': String(body.length) });
  res.end(req.method === 'HEAD' ? undefined : body);
}
