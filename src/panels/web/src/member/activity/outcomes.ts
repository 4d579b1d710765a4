/** How the end of a request is coloured. */
import type { Tone } from '../../components/StatusBadge';
import type { Activity } from '../types';

export const outcomeTones: Readonly<Record<Activity['outcome'], Tone>> = {
  completed: 'good',
  failed: 'bad',
  abandoned: 'bad',
  refused: 'warn',
  cancelled: 'muted',
};
