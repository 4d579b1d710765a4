/** What a route is: one row that carries its path, who may call it, its schemas and its handler. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { PanelContext } from './deps.js';

/** `public`: anybody. `member`: a signed-in user. `admin`: the admin's session or the admin API key. `import-key`: a script that donates. */
export type Access = 'public' | 'member' | 'admin' | 'import-key';

export interface AdminCaller {
  readonly kind: 'admin';
  /** Goes into events as the actor. */
  readonly actor: 'admin' | 'admin-api-key';
  /** null: the caller came with the API key. */
  readonly csrfToken: string | null;
  /** When the session ends by itself, ms since epoch; null: a key has no end. */
  readonly expiresAt: number | null;
  /** Names the session; null: a key has none. */
  readonly sessionId: string | null;
  /** Has the session not ended since? Of what this node knows. */
  readonly stillIn: () => boolean;
}
export interface MemberCaller {
  readonly kind: 'member';
  readonly userId: string;
  readonly actor: `user/${string}`;
  readonly csrfToken: string;
  /** When the session ends by itself, ms since epoch. */
  readonly expiresAt: number;
  /** Names the session. */
  readonly sessionId: string;
  /** Has the session not ended since, nor been revoked? Of what this node knows. */
  readonly stillIn: () => boolean;
}
export interface ImportCaller {
  readonly kind: 'import-key';
  readonly importKeyId: string;
  /** Whose tokens it donates; null: the site's. */
  readonly ownerId: string | null;
}
export interface PublicCaller {
  readonly kind: 'public';
}
export type Caller = AdminCaller | MemberCaller | ImportCaller | PublicCaller;
export type CallerFor<A extends Access> = Extract<Caller, { kind: A }>;

/** Names of the `:parameters` in a path, as required string members. */
export type PathParams<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? { readonly [K in Name]: string } & PathParams<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? { readonly [K in Name]: string }
    : unknown;

export interface ApiRequest<A extends Access = Access, Path extends string = string, Q = unknown, B = unknown> {
  readonly caller: CallerFor<A>;
  readonly params: PathParams<Path>;
  readonly query: Q;
  readonly body: B;
  /** Ours; the correlation id of whatever this request causes. */
  readonly requestId: string;
  /** The client's address, seen through the trusted proxies. */
  readonly address: string;
  /** The body as it comes in, where the row takes uploads and the caller sends one. */
  readonly upload: Readable | undefined;
  /** The secret that belongs to an upload, from its header: addresses are logged on the way. */
  readonly uploadKey: string | undefined;
  /** `Last-Event-ID` of a resuming event stream. */
  readonly lastEventId: string | undefined;
  /** The cookie of a sign-in that is on its way. */
  readonly flow: string | undefined;
  /** For what only the request itself can tell: how the browser sees this site, and whether it is signed in. */
  readonly http: Pick<IncomingMessage, 'headers' | 'method' | 'socket'>;
}

/** What a handler does to the caller's session cookie. */
export type SessionChange =
  | { readonly audience: 'admin' | 'user'; readonly set: string }
  | { readonly audience: 'admin' | 'user'; readonly set: null };

export interface ApiReply<R = unknown> {
  /** Default: the row's `status`. */
  readonly status?: number;
  readonly body?: R;
  readonly session?: SessionChange;
  /** Sets or, with null, forgets the cookie of a sign-in that is on its way. */
  readonly flow?: string | null;
  /** Instead of a body: sends the browser there. */
  readonly redirect?: string;
  /** Instead of a body: a page of ours that goes on to this path by itself, so that the strict session cookie comes along. */
  readonly landing?: string;
  /** Instead of a body: takes over the response until it ends. `signal` aborts when the client leaves or the node closes. */
  readonly stream?: (response: ServerResponse, signal: AbortSignal) => Promise<void>;
}

export interface Route<
  A extends Access = Access,
  Path extends string = string,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly path: Path;
  readonly access: A;
  /** One sentence for the reference page. */
  readonly summary: string;
  /** Status of a success. */
  readonly status: number;
  /** Strict schemas: an unknown member is a 400. Absent: none is allowed. */
  readonly query?: Q;
  readonly body?: B;
  /** Takes `text/plain` as well: the body is then the text. */
  readonly text?: true;
  /** For browsers: answers a page or sends on to one. */
  readonly html?: true;
  /** Takes `application/octet-stream` as well: the handler gets it as a stream and bounds it. */
  readonly upload?: true;
  /** Shape of a success; absent: no body (204) or an event stream. */
  readonly response?: R;
  handle(request: ApiRequest<A, Path, z.output<Q>, z.output<B>>, context: PanelContext): Promise<ApiReply<z.input<R>>>;
}

/** Keeps the exact types inside the row and forgets them outside, so that rows form one list. */
export function defineRoute<
  A extends Access,
  const Path extends string,
  R extends z.ZodType,
  Q extends z.ZodType = z.ZodObject<Record<never, never>>,
  B extends z.ZodType = z.ZodObject<Record<never, never>>,
>(route: Route<A, Path, Q, B, R>): Route {
  return route as unknown as Route;
}
