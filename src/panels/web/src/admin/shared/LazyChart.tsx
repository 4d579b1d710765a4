/** A chart that loads when one is looked at: the library is larger than all pages together. */
import { Skeleton } from '@mantine/core';
import { lazy, Suspense } from 'react';
import type { TimeChartProps } from './TimeChart';

const TimeChart = lazy(async () => ({ default: (await import('./TimeChart')).TimeChart }));

export function LazyChart(props: TimeChartProps) {
  return (
    <Suspense fallback={<Skeleton height={props.height} />}>
      <TimeChart {...props} />
    </Suspense>
  );
}
