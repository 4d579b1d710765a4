/** What waits for a lost database is answered, what does not need it is left alone. */
import { describe, expect, it } from 'vitest';
import { unlessLost } from './unlessLost.js';

const forever = (): Promise<never> => new Promise(() => undefined);

describe('work while the database is lost', () => {
  it('is refused as soon as it has to wait', async () => {
    await expect(unlessLost(forever(), () => true)).rejects.toMatchObject({ code: 'storage_unavailable', status: 503 });
  });

  it('is refused when the database is lost while it waits', async () => {
    let looks = 0;
    const lostLater = (): boolean => {
      looks += 1;
      return looks > 1;
    };
    await expect(unlessLost(forever(), lostLater)).rejects.toMatchObject({ code: 'storage_unavailable' });
  });

  it('is done where nothing has to be waited for, and fails as it fails', async () => {
    expect(await unlessLost(Promise.resolve(1), () => true)).toBe(1);
    await expect(unlessLost(Promise.reject(new Error('mine')), () => true)).rejects.toThrow('mine');
    expect(await unlessLost(Promise.resolve(2), undefined)).toBe(2);
  });
});
