/** Loads the page anew when its build is no longer the one that the node serves: once for each build, never without need. */

export interface RenewalDeps {
  /** Of the build that this page came with: the address of its first script. */
  readonly build: string;
  readonly fetch: (url: string) => Promise<Response>;
  readonly storage: Pick<Storage, 'getItem' | 'setItem'>;
  readonly reload: () => void;
}

/** True: the page is being loaded anew. False: nobody answers, or this is the build that is served, or it was tried before. */
export async function renewOnce({ build, fetch, storage, reload }: RenewalDeps): Promise<boolean> {
  const mark = `kirogate-reloaded:${build}`;
  if (build === '' || storage.getItem(mark) !== null) return false;
  const page = await fetch('/');
  if (!page.ok || (await page.text()).includes(build)) return false;
  storage.setItem(mark, '1');
  reload();
  return true;
}

/** As this browser has it. */
export function browserRenewal(): RenewalDeps {
  const script = document.querySelector<HTMLScriptElement>('script[type="module"][src]');
  return {
    build: script?.getAttribute('src') ?? '',
    fetch: (url) => fetch(url, { headers: { accept: 'text/html' }, cache: 'no-store', signal: AbortSignal.timeout(20_000) }),
    storage: sessionStorage,
    reload: () => window.location.reload(),
  };
}
