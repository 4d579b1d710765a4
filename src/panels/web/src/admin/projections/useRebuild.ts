/** Starts a rebuild, which answers when it is done, and says what came of it. */
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { projectionsPath, type Rebuilt } from './types';

export interface Rebuild {
  /** Name of the one that was started here and is not done. */
  readonly running: string | null;
  start(name: string): void;
}

export function useRebuild(): Rebuild {
  const t = useT('admin');
  const format = useFormat();
  const [running, setRunning] = useState<string | null>(null);
  const write = useWrite<Rebuilt>({ refreshes: [projectionsPath] });
  const say = ({ projection, events, durationMs, equal }: Rebuilt): void => {
    const facts = { name: projection, events: format.number(events), time: format.duration(durationMs) };
    const message =
      equal === null
        ? t('admin:projections.doneVersion', facts)
        : equal
          ? t('admin:projections.doneEqual', facts)
          : t('admin:projections.doneDifferent', facts);
    notifications.show({ color: equal === false ? 'yellow' : 'green', message, autoClose: 10_000 });
  };
  return {
    running,
    start(name) {
      setRunning(name);
      write.mutate({ method: 'POST', path: `${projectionsPath}/${name}/rebuild` }, { onSuccess: say, onSettled: () => setRunning(null) });
    },
  };
}
