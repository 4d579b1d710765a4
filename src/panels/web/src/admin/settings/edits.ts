/** What an admin changed and has not saved, beside what each setting was when they began: so that another's change is noticed. */
import type { Setting, SettingName, SettingValue } from './types';

export interface Edit {
  /** null: back to the environment. */
  readonly to: SettingValue | null;
  /** What the page showed when editing began. */
  readonly base: { readonly value: SettingValue; readonly stored: SettingValue | null };
}

export type Edits = Readonly<Partial<Record<SettingName, Edit>>>;

/** Adds an edit, or drops it where it says what is so anyway. */
export function edited(edits: Edits, setting: Setting, to: SettingValue | null): Edits {
  const { [setting.name]: known, ...others } = edits;
  const base = known?.base ?? { value: setting.value, stored: setting.stored };
  const same = to === null ? base.stored === null : to === base.value;
  return same && !changedMeanwhile(setting, known) ? others : { ...others, [setting.name]: { to, base } };
}

export function dropped(edits: Edits, name: SettingName): Edits {
  const { [name]: _dropped, ...others } = edits;
  return others;
}

/** Did somebody else change it since editing began? */
export function changedMeanwhile(setting: Setting, edit: Edit | undefined): boolean {
  return edit !== undefined && (edit.base.value !== setting.value || edit.base.stored !== setting.stored);
}

/** Edits as they stand on top of what is in force now: whoever saves again has seen it. */
export function rebased(edits: Edits, settings: readonly Setting[]): Edits {
  const current = new Map(settings.map((setting) => [setting.name, setting]));
  return Object.fromEntries(
    Object.entries(edits).map(([name, edit]) => {
      const setting = current.get(name as SettingName);
      return [name, setting ? { to: edit.to, base: { value: setting.value, stored: setting.stored } } : edit];
    }),
  );
}

/** The body of the PUT: new values, and with each what it is taken to be. */
export function bodyOf(edits: Edits): Readonly<Record<string, unknown>> {
  const entries = Object.entries(edits);
  return {
    ...Object.fromEntries(entries.map(([name, { to }]) => [name, to])),
    expected: Object.fromEntries(entries.map(([name, { base }]) => [name, base.stored === null ? null : base.value])),
  };
}
