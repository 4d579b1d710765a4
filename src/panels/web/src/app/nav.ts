/** One page of a panel as the shell shows it and the router serves it. */
import type { TablerIcon } from '@tabler/icons-react';
import type { ParseKeys } from 'i18next';
import type { ComponentType } from 'react';

export interface PanelPage {
  /** Below the panel's own path; '' is its first page. No leading slash: `tokens`. */
  readonly path: string;
  /** Name in the navigation, with its namespace. */
  readonly label: ParseKeys<['common', 'member', 'admin']>;
  readonly icon: TablerIcon;
  /** The page as a chunk of its own: `() => import('./Tokens')`. */
  readonly load: () => Promise<{ readonly Page: ComponentType }>;
  /** Reached from another page, not shown in the navigation. */
  readonly hidden?: boolean;
}
