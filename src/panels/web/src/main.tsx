/** Starts the panels in the browser: texts, data, look, routes. */
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './styles/app.css';
import { createRoot } from 'react-dom/client';
import { createApi } from './api/client';
import { App } from './app/App';
import { createQueries } from './app/createQueries';
import { createPanelRouter } from './app/router';
import { startI18n } from './i18n';

declare global {
  /** Read by the scroll lock of Mantine's overlays, which writes a style element. */
  var __webpack_nonce__: string | undefined;
}

const told = (name: string): string => document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? '';
const nonce = told('csp-nonce');
globalThis.__webpack_nonce__ = nonce;
// Vite's own server fills nothing in.
const sessions = import.meta.env.DEV ? 'member admin' : told('sessions');
const api = createApi({
  fetch: (...request) => fetch(...request),
  sessions: sessions.split(' '),
  deadline: (ms) => AbortSignal.timeout(ms),
});
const queries = createQueries();
const router = createPanelRouter();
const root = document.getElementById('root');
const i18n = await startI18n();
if (root) createRoot(root).render(<App api={api} queries={queries} router={router} i18n={i18n} nonce={nonce} />);
