/** When a page may load itself anew: after an upgrade, and once. */
import { describe, expect, it } from 'vitest';
import { renewOnce } from './renewal';

function browser(answer: () => Response) {
  const kept = new Map<string, string>();
  let reloads = 0;
  return {
    reloads: () => reloads,
    deps: {
      build: '/assets/index-OLD.js',
      fetch: async () => answer(),
      storage: { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) },
      reload: () => {
        reloads += 1;
      },
    },
  };
}
const page = (build: string) => () => new Response(`<script type="module" src="/assets/index-${build}.js"></script>`);

describe('a page whose piece is missing', () => {
  it('is loaded anew when another build is served, and not a second time', async () => {
    const { deps, reloads } = browser(page('NEW'));
    expect([await renewOnce(deps), await renewOnce(deps), reloads()]).toEqual([true, false, 1]);
  });

  it('stays when its own build is served, when the node refuses, and when nobody answers', async () => {
    const gone = () => {
      throw new TypeError('Failed to fetch');
    };
    for (const answer of [page('OLD'), () => new Response('', { status: 503 }), gone]) {
      const { deps, reloads } = browser(answer);
      expect([await renewOnce(deps).catch(() => false), reloads()]).toEqual([false, 0]);
    }
  });
});
