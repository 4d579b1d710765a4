/** Streams of five minutes through the balancer, one that speaks and one that is silent all the while, over reloads (spec R8). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendOne } from './support/cluster/load.js';
import { type ClusterNginx, startClusterNginx } from './support/cluster/nginx.js';
import { type Service, startService } from './support/service.js';
import { until } from './support/until.js';

/** What nginx waits for between two signs of life (proxy_read_timeout), and then some. */
const LONG_MS = 301_000;

let service: Service;
let nginx: ClusterNginx;
beforeAll(async () => {
  service = await startService({ env: { UPSTREAM_FIRST_BYTE_TIMEOUT_MS: '600000' } });
  nginx = await startClusterNginx([service.app.port]);
});
afterAll(async () => {
  await nginx?.stop();
  await service?.stop();
});

describe('streams of five minutes behind nginx', () => {
  it('come whole to their clients, one that says a few words every 10 s and one whose upstream is silent until the end', {
    timeout: 400_000,
  }, async () => {
    const { sim, admin } = service;
    const { refreshToken } = sim.addCredential({ kind: 'social' });
    await admin.post('/admin/api/tokens', { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' });
    const { key } = await admin.member('patient');
    const begun = performance.now();
    const lasted = (): number => performance.now() - begun;
    const ask = async (content: string, path: string, end: string) => {
      const result = await sendOne(nginx.url, key, content, { path, stream: true, end });
      return { ...result, lastedMs: lasted() };
    };
    const streams = [
      ask('[[sim words 124]] [[sim gap 10000]]', '/v1/messages', 'message_stop'),
      ask('[[sim words 124]] [[sim gap 10000]]', '/v1/chat/completions', '[DONE]'),
      ask('[[sim hold]] silence', '/v1/messages', 'message_stop'),
      ask('[[sim hold]] silence', '/v1/chat/completions', '[DONE]'),
    ];
    await until('the streams to run', () => (sim.requests().filter((one) => one.operation === 'generate').length === 4 ? true : undefined));
    nginx.servers([service.app.port]);
    await until('the time to pass', () => (lasted() > LONG_MS ? true : undefined), LONG_MS + 10_000);
    nginx.servers([service.app.port]);
    expect(sim.release()).toBe(2);
    const results = await Promise.all(streams);
    for (const one of results) {
      expect(one).toMatchObject({ status: 200, whole: true });
      expect(one.lastedMs).toBeGreaterThan(300_000);
    }
    const terminals = await until('their terminal events', async () => {
      const found = await admin.all<{ correlationid: string }>('/admin/api/events?types=kirogate.token.used');
      return found.length === 4 ? found : undefined;
    });
    expect(terminals.map((one) => one.correlationid).sort()).toEqual(results.map((one) => one.id).sort());
  });
});
