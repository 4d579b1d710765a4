/** How spans of time are said in each language. */
import { describe, expect, it } from 'vitest';
import { createFormat } from './format';

describe('a span of time', () => {
  it.each([
    [1, '1 second', '1秒钟'],
    [45, '45 seconds', '45秒钟'],
    [121, '3 minutes', '3分钟'],
    [3_600, '1 hour', '1小时'],
    [41_043, '11 hours 25 minutes', '11小时25分钟'],
    [86_399, '1 day', '1天'],
    [200_000, '2 days 7 hours', '2天7小时'],
  ])('of %i s is said in its two largest parts', (seconds, english, chinese) => {
    expect([createFormat('en').span(seconds), createFormat('zh-CN').span(seconds)]).toEqual([english, chinese]);
  });
});
