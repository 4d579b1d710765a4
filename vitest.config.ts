import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Suites over a database that ask `suiteEngine()`: they run once on each engine. */
const onBothEngines = [
  'src/projections/**/*.int.test.ts',
  'src/commands/**/*.int.test.ts',
  'src/events/archive.int.test.ts',
  'src/limits/home.int.test.ts',
];

/** Waits five minutes for a stream and does little else: begun first, it costs no time of its own. */
const begunFirst = /\/longStream\.test\.ts$/;

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => begunFirst.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
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
        extends: true,
        test: {
          name: 'suites',
          include: ['src/**/*.int.test.ts', 'tests/**/*.test.ts'],
          exclude: [...configDefaults.exclude, 'tests/cluster/**'],
          // Many of them wait for processes and deadlines, one for the long stream most of the time.
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
          provide: { engine: 'sqlite' },
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          include: onBothEngines,
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
