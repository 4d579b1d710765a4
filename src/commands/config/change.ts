/** An admin changes settings; they bind on every node without a restart. */
import { AppError } from '../../errors.js';
import { mergeSettings, patchStored, settingNames, settingsFault, settingsPatchSchema } from '../../shared/settings.js';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { loadSettings, type SettingsState } from './state.js';

/** Any subset; null hands a setting back to the environment. Answers what is in force afterwards. */
export const changeConfig = defineCommand({
  name: 'config.change',
  summary: 'Change settings.',
  input: settingsPatchSchema,
  load: (tx, _input, context) => loadSettings(tx, context.defaults),
  decide(state: SettingsState, input, context) {
    requireStaff(context);
    const stored = patchStored(state.stored, input);
    const merged = mergeSettings(state.defaults, stored);
    const fault = settingsFault(merged);
    if (fault !== null) throw new AppError('invalid_request', fault);
    const changes = settingNames
      .map((setting) => ({ setting, from: state.stored[setting] ?? null, to: stored[setting] ?? null }))
      .filter((change) => change.from !== change.to);
    return { events: changes.length === 0 ? [] : [decided('kirogate.config.changed', 'config', { changes })], result: merged };
  },
});
