/** The panels' way to the API: JSON over fetch, the CSRF token of the session on writes, a deadline, errors as ApiError. */
import { ApiError, errorOf } from './errors';

export type Audience = 'member' | 'admin';
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** Query parameters; what is undefined or empty is left out. */
export type Params = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Api {
  get<T>(path: string, params?: Params, signal?: AbortSignal): Promise<T>;
  /**
   * A write. A session that was renewed in another tab is looked up once, and the write sent again; not where another account is
   * signed in by then: that throws `account_changed`.
   */
  send<T>(method: Exclude<Method, 'GET'>, path: string, body?: unknown): Promise<T>;
  /** Keeps the token that the session's answer carried; null forgets it. */
  setCsrf(audience: Audience, token: string | null): void;
  /** Keeps the token, and whose session it is. True: the last session that was known here was another account's. */
  keepSession(audience: Audience, session: SessionAnswer): boolean;
  /** False while nobody can be signed in: the page came without that cookie and nobody signed in since. */
  mayBeSignedIn(audience: Audience): boolean;
}

/** Of either audience's answer: what tells accounts apart. */
export interface SessionAnswer {
  readonly csrfToken: string | null;
  readonly user?: { readonly id: string };
  readonly actor?: string;
}

export const accountOf = ({ user, actor }: SessionAnswer): string => user?.id ?? actor ?? '';

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
  const accounts: Record<Audience, string | null> = { member: null, admin: null };
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

  function setCsrf(audience: Audience, token: string | null): void {
    csrf[audience] = token;
    if (token === null) possible.delete(audience);
    else possible.add(audience);
  }

  /** Throws `account_changed` where the session is not of the account that the page was made for. */
  async function renew(audience: Audience): Promise<void> {
    const session = await call<SessionAnswer>('GET', sessionPaths[audience], undefined);
    const before = accounts[audience];
    if (before !== null && before !== accountOf(session)) {
      throw new ApiError({ status: 409, code: 'account_changed', message: 'Another account is signed in now.' });
    }
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
    setCsrf,
    keepSession(audience, session) {
      const before = accounts[audience];
      accounts[audience] = accountOf(session);
      setCsrf(audience, session.csrfToken);
      return before !== null && before !== accounts[audience];
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
