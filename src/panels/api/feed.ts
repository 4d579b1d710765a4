/** The end of the archive, read once for all who listen on this node: a thousand open pages ask the database no more often than one. */
import { type ArchiveQuery, headCursor, readArchive } from '../../events/archive.js';
import type { Queryable } from '../../infra/database/port.js';
import type { Clock } from '../../shared/clock.js';

type Page = Awaited<ReturnType<typeof readArchive>>;

export interface Head {
  readonly cursor: string;
  /** Monotonic ms: it was read after this moment. */
  readonly at: number;
}

export interface Feed {
  /** Where the archive ended at most 200 ms ago. */
  head(): Promise<Head>;
  /** What comes behind `after`, as far as `head` had it. */
  page(query: ArchiveQuery, head: string): Promise<Page>;
}

const HEAD_MS = 200;
/** Listeners that keep up ask for one of the last few pages. */
const PAGES = 16;

export function createFeed({ db, clock }: { readonly db: Queryable; readonly clock: Clock }): Feed {
  let known: { readonly head: Promise<Head>; readonly at: number } | undefined;
  const pages = new Map<string, Promise<Page>>();
  return {
    head() {
      const now = clock.monotonic();
      if (known === undefined || now - known.at > HEAD_MS) {
        const head = headCursor(db).then((cursor) => ({ cursor, at: now }));
        const mine = { head, at: now };
        known = mine;
        head.catch(() => {
          if (known === mine) known = undefined;
        });
      }
      return known.head;
    },
    page(query, head) {
      const key = JSON.stringify([query, head]);
      const running = pages.get(key);
      if (running !== undefined) return running;
      const page = readArchive(db, query);
      page.catch(() => pages.delete(key));
      pages.set(key, page);
      if (pages.size > PAGES) pages.delete(pages.keys().next().value ?? '');
      return page;
    },
  };
}
