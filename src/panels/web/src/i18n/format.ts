/** Numbers, times and shares in the reader's language. */
import { useMemo } from 'react';
import { useLanguage } from './index';

export interface Format {
  number(value: number): string;
  /** 12,345 → 12K; for tiles and axes. */
  compact(value: number): string;
  /** 0–1 → percent with at most one decimal. */
  percent(share: number): string;
  /** Milliseconds as 850 ms, 1.2 s, 3 min. */
  duration(ms: number): string;
  /** Seconds as "45 seconds", "3 minutes", "11 hours 24 minutes": the two largest parts, in words. */
  span(seconds: number): string;
  dateTime(iso: string): string;
  time(iso: string): string;
  /** Relative to now: "3 minutes ago". */
  relative(iso: string, now?: number): string;
}

const steps = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Largest first. */
const spans = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Up to two minutes are counted in seconds; above, what is begun counts as a whole minute. */
export function spanParts(seconds: number): readonly (readonly [value: number, unit: (typeof spans)[number][0]])[] {
  let left = seconds <= 120 ? Math.ceil(seconds) : Math.ceil(seconds / 60) * 60;
  if (seconds <= 120) return [[left, 'second']];
  const parts = spans.map(([unit, size]) => {
    const value = Math.floor(left / size);
    left -= value * size;
    return [value, unit] as const;
  });
  const first = parts.findIndex(([value]) => value > 0);
  return parts.slice(first, first + 2).filter(([value]) => value > 0);
}

export function createFormat(language: string): Format {
  const number = new Intl.NumberFormat(language);
  const compact = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
  const dateTime = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' });
  const time = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  const unit = (value: number, name: 'millisecond' | 'second' | 'minute', digits: number): string =>
    new Intl.NumberFormat(language, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits }).format(value);
  return {
    number: (value) => number.format(value),
    compact: (value) => compact.format(value),
    percent: (share) => percent.format(share),
    duration(ms) {
      if (ms < 1_000) return unit(ms, 'millisecond', 0);
      return ms < 120_000 ? unit(ms / 1_000, 'second', 1) : unit(ms / 60_000, 'minute', 0);
    },
    span(seconds) {
      const parts = spanParts(seconds).map(([value, name]) =>
        new Intl.NumberFormat(language, { style: 'unit', unit: name, unitDisplay: 'long' }).format(value),
      );
      return new Intl.ListFormat(language, { type: 'unit', style: 'narrow' }).format(parts);
    },
    dateTime: (iso) => dateTime.format(new Date(iso)),
    time: (iso) => time.format(new Date(iso)),
    relative(iso, now = Date.now()) {
      const seconds = (Date.parse(iso) - now) / 1_000;
      const [name, size] = steps.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
      return relative.format(Math.trunc(seconds / size), name);
    },
  };
}

export function useFormat(): Format {
  const language = useLanguage();
  return useMemo(() => createFormat(language), [language]);
}
