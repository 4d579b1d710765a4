import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Suites over a database that ask `suiteEngine()`: they run once on each engine. */
const onBothEngines = [
  'src/projections/**/*.int.test.ts',
  'src/commands/**/*.int.test.ts',
  'src/events/archive.int.test.ts',
  'src/limits/home.int.test.ts',
];

/**
 * Begun first, in this order: what begins late ends late. The first waits five minutes for a stream and does little else;
 * browsers stand apart, so that no more than two of them are at work at once.
 */
const begunFirst = [
  'longStream',
  'panels/everyPage',
  'lifecycle',
  'moving',
  'panels/member',
  'deploy/dockerfile',
  'movingPostgres',
  'panels/admin',
].map((name) => `/tests/${name}.test.ts`);

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ moduleId }: TestSpecification): number => {
      const at = begunFirst.findIndex((name) => moduleId.endsWith(name));
      return at < 0 ? begunFirst.length : at;
    };
    // Stable: what is not named keeps its place.
    return sorted.sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Starts nothing by itself: the first suite that asks for a database starts the server of the run.
    globalSetup: ['src/infra/database/testing/shared.ts'],
    pool: 'forks',
    projects: [
      {
        // No I/O and no state in modules: they share what they import, which costs more than they do.
        extends: true,
        test: {
          name: 'units',
          include: ['src/**/*.test.ts'],
          exclude: [...configDefaults.exclude, '**/*.int.test.ts'],
          isolate: false,
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Real stores, and no state in modules either: a process takes one file after another.
        extends: true,
        test: {
          name: 'suites',
          include: ['src/**/*.int.test.ts'],
          isolate: false,
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
          provide: { engine: 'sqlite' },
        },
      },
      {
        // Whole nodes in the test's process, whose clock some of them move: a process each.
        extends: true,
        test: {
          name: 'nodes',
          include: ['tests/**/*.test.ts'],
          exclude: [...configDefaults.exclude, 'tests/cluster/**'],
          // Many of them wait for processes and deadlines, one for the long stream most of the time.
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          include: onBothEngines,
          isolate: false,
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
          provide: { engine: 'postgres' },
        },
      },
      {
        // A cluster is eight processes that wait most of the time: two at once, and only when the machine is free of the rest.
        extends: true,
        test: {
          name: 'cluster',
          include: ['tests/cluster/**/*.test.ts'],
          maxWorkers: 2,
          testTimeout: 300_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
