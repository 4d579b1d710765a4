/** How Vite builds the panels into `dist/web`, and serves them with hot reload in front of a running node. */
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));
const node = process.env['KIROGATE_URL'] ?? 'http://127.0.0.1:8000';

/** What the node answers; everything else is the panels' own. */
const apiPaths = ['/auth/', '/user/api', '/admin/api', '/admin/config', '/admin/logout', '/v1', '/openapi.json', '/health', '/api/'];

export default defineConfig({
  root: here,
  plugins: [react()],
  build: {
    outDir: fileURLToPath(new URL('../../../dist/web', import.meta.url)),
    emptyOutDir: true,
    sourcemap: false,
    // A data: URL in a stylesheet would be against the policy for fonts.
    assetsInlineLimit: 0,
    // A stylesheet of a chunk that could not be had once is not asked for again: all of them come with the page.
    cssCodeSplit: false,
    chunkSizeWarningLimit: 700,
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      ...Object.fromEntries(apiPaths.map((path) => [path, { target: node }])),
      '/admin/login': { target: node, bypass: ({ method, url }) => (method === 'GET' ? url : undefined) },
    },
  },
});
