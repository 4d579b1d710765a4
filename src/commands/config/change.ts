/** An admin changes settings; they bind on every node without a restart. */
import { AppError } from '../../errors.js';
import { mergeSettings, patchStored, type SettingsPatch, settingNames, settingsFault, settingsPatchSchema } from '../../shared/settings.js';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { loadSettings, type SettingsState } from './state.js';

/** Any subset; null hands a setting back to the environment. Answers what is in force afterwards. */
export const changeConfig = defineCommand({
  name: 'config.change',
  summary: 'Change settings.',
  input: settingsPatchSchema.extend({
    /** What the caller took for the values in force; null: for not stored. One that is otherwise by now is refused with `conflict`. */
    expected: settingsPatchSchema.optional(),
  }),
  load: (tx, _input, context) => loadSettings(tx, context.defaults),
  decide(state: SettingsState, { expected = {}, ...input }, context) {
    requireStaff(context);
    requireExpected(state, expected);
    const stored = patchStored(state.stored, input);
    const merged = mergeSettings(state.defaults, stored);
    const fault = settingsFault(merged);
    if (fault !== null) throw new AppError('invalid_request', { ...fault, extra: { reason: 'pacing_order' } });
    const changes = settingNames
      .map((setting) => ({ setting, from: state.stored[setting] ?? null, to: stored[setting] ?? null }))
      .filter((change) => change.from !== change.to);
    return { events: changes.length === 0 ? [] : [decided('kirogate.config.changed', 'config', { changes })], result: merged };
  },
});

/** Two admins who edit one setting: the second is told, instead of undoing what the first did. */
function requireExpected({ stored, merged }: SettingsState, expected: SettingsPatch): void {
  for (const setting of settingNames) {
    const wanted = expected[setting];
    if (wanted === undefined) continue;
    const same = wanted === null ? stored[setting] === undefined : merged[setting] === wanted;
    if (!same) {
      throw new AppError('conflict', {
        message: `${setting} was changed meanwhile: it is ${merged[setting]} now.`,
        param: setting,
        extra: { setting, current: merged[setting] },
      });
    }
  }
}
