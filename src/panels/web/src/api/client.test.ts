import { describe, expect, it } from 'vitest';
import { createApi, withParams } from './client';
import { ApiError } from './errors';

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}

function apiThatAnswers(...answers: readonly Response[]) {
  const sent: Sent[] = [];
  const left = [...answers];
  const api = createApi({
    sessions: ['admin'],
    deadline: () => new AbortController().signal,
    fetch: async (url, init = {}) => {
      sent.push({ url: String(url), init });
      const next = left.shift();
      if (!next) throw new TypeError('failed to fetch');
      return next;
    },
  });
  return { api, sent };
}

const refusal = (status: number, code: string, headers: Record<string, string> = {}) =>
  Response.json({ error: { code, message: 'No.', param: 'name' } }, { status, headers });

describe('the API client', () => {
  it('knows who may be signed in: by the page’s cookies at first, then by what happened since', () => {
    const { api } = apiThatAnswers();
    expect([api.mayBeSignedIn('member'), api.mayBeSignedIn('admin')]).toEqual([false, true]);
    api.setCsrf('member', 'token');
    api.setCsrf('admin', null);
    expect([api.mayBeSignedIn('member'), api.mayBeSignedIn('admin')]).toEqual([true, false]);
  });

  it('leaves empty parameters out', () => {
    expect(withParams('/x', { q: 'a b', none: undefined, empty: '', zero: 0, no: null })).toBe('/x?q=a+b&zero=0');
    expect(withParams('/x')).toBe('/x');
  });

  it('sends the token of the session that the path belongs to, on writes only', async () => {
    const { api, sent } = apiThatAnswers(Response.json({}), new Response(null, { status: 204 }), new Response(null, { status: 204 }));
    api.setCsrf('admin', 'for the admin');
    api.setCsrf('member', 'for the member');
    await api.get('/user/api/keys');
    expect(await api.send('DELETE', '/user/api/keys/k1')).toBeUndefined();
    await api.send('POST', '/admin/api/ip-bans', { ip: '192.0.2.1' });
    expect(sent.map(({ init }) => (init.headers as Record<string, string>)['x-csrf-token'])).toEqual([
      undefined,
      'for the member',
      'for the admin',
    ]);
  });

  it('tells what was refused, the field, when to come back and which request it was', async () => {
    const { api } = apiThatAnswers(refusal(429, 'too_many_attempts', { 'retry-after': '17', 'x-request-id': 'r1' }));
    const error = await api.send('POST', '/auth/login', {}).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 429,
      code: 'too_many_attempts',
      message: 'No.',
      param: 'name',
      retryAfterSeconds: 17,
      requestId: 'r1',
    });
  });

  it('makes an error of an answer that is no JSON, and of none at all', async () => {
    const { api } = apiThatAnswers(new Response('<html>', { status: 502 }));
    expect(await api.get('/x').catch((thrown: unknown) => thrown)).toMatchObject({ status: 502, code: 'unknown' });
    expect(await api.get('/x').catch((thrown: unknown) => thrown)).toMatchObject({ status: 0, code: 'network' });
  });

  it('looks the session up once when another tab renewed it, and sends the write again', async () => {
    const { api, sent } = apiThatAnswers(refusal(403, 'csrf_mismatch'), Response.json({ csrfToken: 'new' }), Response.json({ ok: true }));
    api.setCsrf('member', 'old');
    expect(await api.send('POST', '/user/api/keys', { name: 'x' })).toEqual({ ok: true });
    expect(sent.map(({ url }) => url)).toEqual(['/user/api/keys', '/auth/session', '/user/api/keys']);
    expect(sent[2]?.init.headers).toMatchObject({ 'x-csrf-token': 'new' });
  });

  it('writes nothing into the account that another tab signed in to', async () => {
    const session = (id: string) => ({ user: { id }, csrfToken: `of ${id}` });
    const { api, sent } = apiThatAnswers(refusal(403, 'csrf_mismatch'), Response.json(session('bob')), refusal(403, 'csrf_mismatch'));
    expect(api.keepSession('member', session('ada'))).toBe(false);
    const error = await api.send('POST', '/user/api/keys', { name: 'x' }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'account_changed' });
    expect(sent.map(({ url }) => url)).toEqual(['/user/api/keys', '/auth/session']);
    // Whoever looks the session up learns that what was read so far is another's.
    await api.send('POST', '/user/api/keys', {}).catch(() => undefined);
    expect(sent[2]?.init.headers).toMatchObject({ 'x-csrf-token': 'of ada' });
    expect([api.keepSession('member', session('bob')), api.keepSession('member', session('bob'))]).toEqual([true, false]);
  });

  it('takes a node that never answers for one that is not there, reads sooner than writes', async () => {
    const waited: number[] = [];
    const api = createApi({
      sessions: [],
      deadline(ms) {
        waited.push(ms);
        return AbortSignal.abort(new DOMException('late', 'TimeoutError'));
      },
      // As a browser does, also while the body is on its way.
      fetch: async (url, { signal } = {}) => {
        if (String(url) !== '/body') signal?.throwIfAborted();
        const body = new ReadableStream({ start: (controller) => controller.error(signal?.reason) });
        return new Response(body);
      },
    });
    for (const ask of [api.get('/head'), api.get('/body'), api.send('POST', '/head', {})]) {
      expect(await ask.catch((thrown: unknown) => thrown)).toMatchObject({ status: 0, code: 'network', cause: { name: 'TimeoutError' } });
    }
    expect(waited).toEqual([20_000, 20_000, 120_000]);
  });

  it('leaves a request that the page gave up to the page', async () => {
    const { api } = apiThatAnswers();
    const given = await api.get('/x', {}, AbortSignal.abort('left')).catch((thrown: unknown) => thrown);
    expect(given).not.toBeInstanceOf(ApiError);
  });
});
