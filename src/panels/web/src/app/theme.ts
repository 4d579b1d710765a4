/** The look: one calm blue, dense tables, contrast that passes AA in both schemes. */
import { createTheme, type MantineColorsTuple, type MantineThemeOverride } from '@mantine/core';

const brand: MantineColorsTuple = [
  '#eef2ff',
  '#dce4fd',
  '#b7c7f8',
  '#8fa8f2',
  '#6c8bec',
  '#5577e6',
  '#3b5bdb',
  '#3450c4',
  '#2b44a8',
  '#22378a',
];

export const theme: MantineThemeOverride = createTheme({
  primaryColor: 'brand',
  primaryShade: { light: 6, dark: 7 },
  autoContrast: true,
  colors: { brand },
  defaultRadius: 'md',
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans SC", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: '600', sizes: { h1: { fontSize: '1.5rem' }, h2: { fontSize: '1.125rem' }, h3: { fontSize: '1rem' } } },
  components: {
    Table: { defaultProps: { verticalSpacing: 8, horizontalSpacing: 'sm' } },
    Paper: { defaultProps: { withBorder: true } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.5 } } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 200, events: { hover: true, focus: true, touch: true } } },
  },
});
