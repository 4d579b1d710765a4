import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'tests/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Starts nothing by itself: the first suite that asks for a database starts the server of the run.
    globalSetup: ['src/infra/database/testing/shared.ts'],
    pool: 'forks',
    maxWorkers: 2,
  },
});
