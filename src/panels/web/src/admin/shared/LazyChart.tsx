/** A chart that loads when one is looked at: the library is larger than all pages together. */
import { Skeleton } from '@mantine/core';
import { lazyPart } from '../../lazy/lazyPart';
import type { TimeChartProps } from './TimeChart';

export const LazyChart = lazyPart<TimeChartProps>(async () => (await import('./TimeChart')).TimeChart, {
  waiting: ({ height }) => <Skeleton height={height} />,
});
