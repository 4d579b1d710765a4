/** The panels' way to the API: JSON over fetch, the CSRF token of the session on writes, a deadline, errors as ApiError. */
import { ApiError, errorOf } from './errors';

export type Audience = 'member' | 'admin';
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** Query parameters; what is undefined or empty is left out. */
export type Params = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Api {
  get<T>(path: string, params?: Params, signal?: AbortSignal): Promise<T>;
  /** A write. A session that was renewed in another tab is looked up once, and the write sent again. */
  send<T>(method: Exclude<Method, 'GET'>, path: string, body?: unknown): Promise<T>;
  /** Keeps the token that the session's answer carried; null forgets it. */
  setCsrf(audience: Audience, token: string | null): void;
  /** False while nobody can be signed in: the page came without that cookie and nobody signed in since. */
  mayBeSignedIn(audience: Audience): boolean;
}

export const sessionPaths: Readonly<Record<Audience, string>> = { member: '/auth/session', admin: '/admin/api/session' };

export interface ApiDeps {
  /** A dependency so that tests can stand in for it. */
  readonly fetch: typeof globalThis.fetch;
  /** Whose session cookies came with the page. */
  readonly sessions: readonly string[];
  /** Aborts after so many ms. */
  readonly deadline: (ms: number) => AbortSignal;
}

/** A node that froze takes a request and never answers. Writes may take their time: a thousand donated tokens are checked one by one. */
const longestReadMs = 20_000;
const longestWriteMs = 120_000;

export function createApi({ fetch, sessions, deadline }: ApiDeps): Api {
  const csrf: Record<Audience, string | null> = { member: null, admin: null };
  const possible = new Set<string>(sessions);

  async function call<T>(method: Method, url: string, body: unknown, signal?: AbortSignal): Promise<T> {
    const token = csrf[audienceOf(url)];
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (method !== 'GET' && token !== null) headers['x-csrf-token'] = token;
    const late = deadline(method === 'GET' ? longestReadMs : longestWriteMs);
    const noAnswer = (cause: unknown): never => {
      if (signal?.aborted) throw cause;
      throw new ApiError({ status: 0, code: 'network', message: 'No answer came.', cause });
    };
    const response = await fetch(url, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, late]) : late,
    }).catch(noAnswer);
    if (!response.ok) throw await errorOf(response);
    const text = await response.text().catch(noAnswer);
    return (text === '' ? undefined : parse(text)) as T;
  }

  async function renew(audience: Audience): Promise<void> {
    const session = await call<{ csrfToken: string | null }>('GET', sessionPaths[audience], undefined);
    csrf[audience] = session.csrfToken;
  }

  return {
    get: (path, params, signal) => call('GET', withParams(path, params), undefined, signal),
    async send<T>(method: Exclude<Method, 'GET'>, path: string, body?: unknown): Promise<T> {
      try {
        return await call<T>(method, path, body);
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 'csrf_mismatch') throw error;
        await renew(audienceOf(path));
        return call<T>(method, path, body);
      }
    },
    setCsrf(audience, token) {
      csrf[audience] = token;
      if (token === null) possible.delete(audience);
      else possible.add(audience);
    },
    mayBeSignedIn: (audience) => possible.has(audience),
  };
}

const audienceOf = (path: string): Audience => (path.startsWith('/admin/') ? 'admin' : 'member');

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function withParams(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
