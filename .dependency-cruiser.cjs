/** The floors of docs/architecture.md as rules: each imports only from those below. */
const floors = [
  ['shared', '^src/(shared/|errors|config)'],
  ['infra', '^src/(infra|upstreams)/'],
  ['facts', '^src/(events|limits|cluster)/'],
  ['projections', '^src/projections/'],
  ['commands', '^src/commands/'],
  ['credentials', '^src/credentials/'],
  ['surfaces', '^src/(gateway|panels)/'],
  ['app', '^src/app'],
];
const tests = '\\.test\\.ts$|/contract\\.ts$|/testing/';
const above = (index) => [...floors.slice(index + 1).map(([, path]) => path), '^src/(main|cli|simulator)'];

module.exports = {
  forbidden: [
    ...floors.map(([name, path], index) => ({
      name: `floor-${name}`,
      comment: 'A floor imports only from those below it.',
      severity: 'error',
      from: { path, pathNot: tests },
      to: { path: above(index) },
    })),
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'surfaces-apart', severity: 'error', from: { path: '^src/gateway/', pathNot: tests }, to: { path: '^src/panels/' } },
    { name: 'surfaces-apart-too', severity: 'error', from: { path: '^src/panels/', pathNot: tests }, to: { path: '^src/gateway/' } },
    {
      name: 'simulator-stands-on-upstreams',
      severity: 'error',
      from: { path: '^src/simulator/', pathNot: tests },
      to: { path: '^src/', pathNot: '^src/(simulator|upstreams|shared|errors|infra)' },
    },
    {
      name: 'drivers-in-their-adapters',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/infra/(database|redis)|${tests}` },
      to: { path: 'node_modules/(pg|ioredis|@databases/sqlite|sqlite3)/' },
    },
    {
      name: 'express-on-the-surfaces',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(panels/|app)|${tests}` },
      to: { path: 'node_modules/express/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Built by Vite for the browser, with rules of its own; nothing of the node imports it.
    exclude: { path: '^src/panels/web/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.d.ts'],
    },
  },
};
