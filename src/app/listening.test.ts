import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { createListening } from './listening.js';
import type { NodeState } from './server.js';

const logger = pino({ level: 'silent' });

function server(over: { listenAgain?: () => Promise<void> } = {}) {
  const calls: string[] = [];
  return {
    calls,
    state: 'healthy' as NodeState,
    stopListening: async () => void calls.push('close'),
    listenAgain: async () => {
      calls.push('open');
      await over.listenAgain?.();
    },
  };
}

describe('the listener of a node that is cut off', () => {
  it('closes, and opens again when the node is back', async () => {
    const node = server();
    const listening = createListening(node, logger);
    listening.set(true);
    listening.set(false);
    await expect.poll(() => node.calls).toEqual(['close']);
    listening.set(true);
    await expect.poll(() => node.calls).toEqual(['close', 'open']);
    await listening.close();
  });

  it('ends as it is wanted last, however fast that changes', async () => {
    const node = server();
    const listening = createListening(node, logger);
    for (const open of [false, true, false, true, false]) listening.set(open);
    await expect.poll(() => node.calls.at(-1)).toBe('close');
    await listening.close();
    expect(node.calls.filter((call) => call === 'close').length - node.calls.filter((call) => call === 'open').length).toBe(1);
  });

  it('is tried again where the port is taken meanwhile', async () => {
    let taken = true;
    const node = server({
      listenAgain: async () => {
        if (!taken) return;
        taken = false;
        throw new Error('EADDRINUSE');
      },
    });
    const listening = createListening(node, logger);
    listening.set(false);
    await expect.poll(() => node.calls).toEqual(['close']);
    listening.set(true);
    await expect.poll(() => node.calls, { timeout: 10_000 }).toEqual(['close', 'open', 'open']);
    await listening.close();
  });

  it('of a node that stops is left closed', async () => {
    const node = server();
    const listening = createListening(node, logger);
    listening.set(false);
    await expect.poll(() => node.calls).toEqual(['close']);
    node.state = 'draining';
    listening.set(true);
    await listening.close();
    expect(node.calls).toEqual(['close']);
  });
});
