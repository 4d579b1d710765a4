import type { Dispatcher } from 'undici';
import { describe, expect, it } from 'vitest';
import { createReply, type Reply } from './reply.js';

function started(): { reply: Reply; controller: Dispatcher.DispatchController; aborted: Error[] } {
  const aborted: Error[] = [];
  let paused = false;
  const controller: Dispatcher.DispatchController = {
    aborted: false,
    reason: null,
    get paused() {
      return paused;
    },
    abort: (reason) => void aborted.push(reason),
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
    },
  };
  const reply = createReply();
  reply.handler.onRequestStart?.(controller, {});
  return { reply, controller, aborted };
}

const texts = (chunks: readonly Buffer[] | null): string[] | undefined => chunks?.map(String);

describe('a reply', () => {
  it('gives together what came together, then its end', async () => {
    const { reply, controller } = started();
    reply.handler.onResponseStart?.(controller, 200, { 'content-type': ['a', 'b'] });
    expect(await reply.head).toEqual({ status: 200, headers: { 'content-type': 'a' } });
    const reading = reply.read();
    reply.handler.onResponseData?.(controller, Buffer.from('one'));
    reply.handler.onResponseData?.(controller, Buffer.from('two'));
    expect(texts(await reading)).toEqual(['one', 'two']);
    reply.handler.onResponseEnd?.(controller, {});
    expect(await reply.read()).toBeNull();
  });

  it('gives what had come before it broke, and then the error', async () => {
    const { reply, controller } = started();
    reply.handler.onResponseStart?.(controller, 200, {});
    reply.handler.onResponseData?.(controller, Buffer.from('half'));
    reply.handler.onResponseError?.(controller, new Error('reset'));
    expect(texts(await reply.read())).toEqual(['half']);
    await expect(reply.read()).rejects.toThrow('reset');
  });

  it('lets the socket rest while much of it waits for a reader', async () => {
    const { reply, controller } = started();
    reply.handler.onResponseData?.(controller, Buffer.alloc(65_535));
    expect(controller.paused).toBe(false);
    reply.handler.onResponseData?.(controller, Buffer.alloc(1));
    expect(controller.paused).toBe(true);
    await reply.read();
    expect(controller.paused).toBe(false);
  });

  it('waits for the real head behind an interim one', async () => {
    const { reply, controller } = started();
    reply.handler.onResponseStart?.(controller, 103, {});
    reply.handler.onResponseStart?.(controller, 404, {});
    expect((await reply.head).status).toBe(404);
  });

  it('that is ended ends its call, and gives nothing more', async () => {
    const { reply, controller, aborted } = started();
    const reading = reply.read();
    reply.handler.onResponseData?.(controller, Buffer.from('late'));
    reply.abort('enough');
    expect(aborted).toMatchObject([{ message: 'enough' }]);
    await expect(reading).rejects.toThrow('enough');
    await expect(reply.head).rejects.toThrow('enough');
  });

  it('that is whole is not ended any more, and its socket serves again', () => {
    const { reply, controller, aborted } = started();
    reply.handler.onResponseEnd?.(controller, {});
    reply.abort('enough');
    expect(aborted).toEqual([]);
  });

  it('that is ended before its connection stands never goes out', async () => {
    const reply = createReply();
    reply.abort('enough');
    await expect(reply.head).rejects.toThrow('enough');
    const { controller, aborted } = started();
    reply.handler.onRequestStart?.(controller, {});
    expect(aborted).toHaveLength(1);
  });
});
