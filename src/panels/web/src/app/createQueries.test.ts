import { onlineManager, QueryObserver } from '@tanstack/react-query';
import { afterEach, describe, expect, it } from 'vitest';
import { createQueries } from './createQueries';

afterEach(() => onlineManager.setOnline(true));

/** Answers while `online`; counts how often it is asked. */
function server() {
  const state = { online: false, asked: 0 };
  const ask = async (): Promise<string> => {
    state.asked += 1;
    if (!state.online) throw new TypeError('failed to fetch');
    return 'answer';
  };
  return { state, ask };
}

describe('without a connection', () => {
  it('a write fails at once and is never sent later', async () => {
    const { state, ask } = server();
    const client = createQueries();
    client.mount();
    onlineManager.setOnline(false);
    const write = client.getMutationCache().build(client, { mutationFn: ask });
    await expect(write.execute(undefined)).rejects.toThrow('failed to fetch');
    state.online = true;
    onlineManager.setOnline(true);
    await client.resumePausedMutations();
    expect(state.asked).toBe(1);
    client.unmount();
  });

  it('a page says so, and reads again when the connection is back', async () => {
    const { state, ask } = server();
    const client = createQueries();
    client.mount();
    onlineManager.setOnline(false);
    const read = new QueryObserver(client, { queryKey: ['/x'], queryFn: ask });
    const next = (status: string) => new Promise<void>((done) => read.subscribe((result) => result.status === status && done()));
    const stay = read.subscribe(() => undefined);
    await next('error');
    state.online = true;
    const back = next('success');
    onlineManager.setOnline(true);
    await back;
    expect(state.asked).toBe(2);
    stay();
    client.unmount();
  });
});
