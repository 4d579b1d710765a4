/** The look: one calm blue, dense tables, contrast that passes AA in both schemes. */
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple, type MantineThemeOverride } from '@mantine/core';

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

/** Greys with the same hint of blue as the light ground. */
const dark: MantineColorsTuple = [
  '#d3d8e0',
  '#b9c0ca',
  '#959da9',
  '#6a7280',
  '#3f4651',
  '#343a44',
  '#282d35',
  '#1c1f24',
  '#16181c',
  '#101216',
];

export const theme: MantineThemeOverride = createTheme({
  primaryColor: 'brand',
  primaryShade: { light: 6, dark: 7 },
  autoContrast: true,
  colors: { brand, dark },
  defaultRadius: 'md',
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans SC", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: '600', sizes: { h1: { fontSize: '1.5rem' }, h2: { fontSize: '1.125rem' }, h3: { fontSize: '1rem' } } },
  components: {
    Table: { defaultProps: { verticalSpacing: 8, horizontalSpacing: 'sm' } },
    Paper: { defaultProps: { withBorder: true } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.5 } } },
    // Its empty element that takes the focus is no item of the menu, and screen readers stumble over it.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 200, events: { hover: true, focus: true, touch: true } } },
  },
});

/** Text on the pale ground of badges and alerts, in the light scheme: each at least 4.5 : 1. */
const onPale: Readonly<Record<string, string>> = {
  red: '#a51d1d',
  orange: '#8f3106',
  yellow: '#744000',
  green: '#1d652c',
  teal: '#075e46',
  cyan: '#0a5a68',
  blue: '#0c508c',
  indigo: '#2f45a8',
  violet: '#4f30a8',
  grape: '#752488',
  pink: '#931f4e',
  gray: '#3d444d',
  brand: '#22378a',
};

/** Mantine's own shades fall short of AA in places; these do not. */
export const contrast: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...Object.fromEntries(Object.entries(onPale).map(([color, text]) => [`--mantine-color-${color}-light-color`, text])),
    '--mantine-color-red-filled': '#c92a2a',
    '--mantine-color-red-filled-hover': '#b02323',
    '--mantine-color-teal-filled': '#087f5b',
    '--mantine-color-teal-filled-hover': '#07694c',
    '--mantine-color-error': '#c92a2a',
    '--mantine-color-dimmed': '#5c6470',
    '--mantine-color-placeholder': '#6b7380',
  },
  dark: {
    '--mantine-color-red-filled': '#c92a2a',
    '--mantine-color-red-filled-hover': '#b02323',
    '--mantine-color-error': '#ff8787',
    '--mantine-color-dimmed': '#a6adb8',
    '--mantine-color-placeholder': '#949ba7',
  },
});
