/** Lines over time with a fixed height; says in words what it shows, for those who cannot see it. */
import '@mantine/charts/styles.css';
import { LineChart } from '@mantine/charts';
import { getThemeColor, useMantineTheme } from '@mantine/core';
import { useFormat } from '../../i18n/format';
import { isLonePoint } from './lonePoint';

export interface TimeSeries {
  /** Member of each point. */
  readonly name: string;
  readonly label: string;
  readonly color: string;
}

export interface TimeChartProps {
  /** What it shows, in a sentence. */
  readonly label: string;
  /** `at` is ISO 8601; the rest are the series. null: a gap. */
  readonly points: readonly Readonly<Record<string, string | number | null>>[];
  readonly series: readonly TimeSeries[];
  readonly height: number;
  readonly show: (value: number) => string;
  /** Fixed upper end of the axis. */
  readonly most?: number;
  readonly line?: { readonly at: number; readonly label: string };
}

export function TimeChart({ label, points, series, height, show, most, line }: TimeChartProps) {
  const format = useFormat();
  const theme = useMantineTheme();
  return (
    <LineChart
      role="img"
      aria-label={label}
      h={height}
      data={[...points]}
      dataKey="at"
      series={series.map(({ name, label: said, color }) => ({ name, label: said, color }))}
      curveType="monotone"
      withDots={false}
      withLegend={series.length > 1}
      connectNulls={false}
      strokeWidth={2}
      valueFormatter={show}
      xAxisProps={{ tickFormatter: (at: string) => format.time(at), minTickGap: 40 }}
      yAxisProps={{ ...(most === undefined ? { allowDecimals: false } : { domain: [0, most] }), width: 68 }}
      tooltipProps={{ labelFormatter: (at) => (typeof at === 'string' ? format.dateTime(at) : '') }}
      {...(line && { referenceLines: [{ y: line.at, label: line.label, color: 'red.7' }] })}
      lineProps={({ name, color }) => ({
        isAnimationActive: false,
        dot: ({ cx, cy, index, key }) =>
          isLonePoint(points, name, index) ? (
            <circle key={key} className="kg-lone-point" cx={cx ?? 0} cy={cy ?? 0} r={3} fill={getThemeColor(color, theme)} />
          ) : (
            <g key={key} />
          ),
      })}
      lineChartProps={{ accessibilityLayer: false }}
    />
  );
}
