/** What an admin changed and has not saved, beside what each setting was when they began: so that another's change is noticed. */
import { type NumberFault, readNumber } from '../../components/numberText';
import type { Setting, SettingName, SettingValue } from './types';

/** What a control says: a switch's state, the text of a number field, null for back to the environment. */
export type Input = string | boolean | null;

export interface Edit {
  /** As it stands on the screen. */
  readonly input: Input;
  /** What it means, or why it cannot be saved. */
  readonly read: { readonly value: SettingValue | null } | { readonly fault: NumberFault };
  /** What the page showed when editing began. */
  readonly base: { readonly value: SettingValue; readonly stored: SettingValue | null };
}

export type Edits = Readonly<Partial<Record<SettingName, Edit>>>;

export const ruleOf = ({ type, min, max }: Setting) => ({ whole: type === 'integer', min, max });

/** Adds an edit, or drops it where it says what is so anyway. */
export function edited(edits: Edits, setting: Setting, input: Input): Edits {
  const { [setting.name]: known, ...others } = edits;
  const base = known?.base ?? { value: setting.value, stored: setting.stored };
  const read = typeof input === 'string' ? readNumber(input, ruleOf(setting)) : { value: input };
  const same = input === null ? base.stored === null : String(input) === String(base.value);
  return same && !changedMeanwhile(setting, known) ? others : { ...others, [setting.name]: { input, read, base } };
}

/** How many fields say what cannot be saved. */
export const faultsOf = (edits: Edits): number => Object.values(edits).filter(({ read }) => 'fault' in read).length;

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
      return [name, setting ? { ...edit, base: { value: setting.value, stored: setting.stored } } : edit];
    }),
  );
}

/** The body of the PUT: new values, and with each what it is taken to be. Null while a field says what cannot be saved. */
export function bodyOf(edits: Edits): Readonly<Record<string, unknown>> | null {
  const body: Record<string, unknown> = {};
  const expected: Record<string, unknown> = {};
  for (const [name, { read, base }] of Object.entries(edits)) {
    if ('fault' in read) return null;
    body[name] = read.value;
    expected[name] = base.stored === null ? null : base.value;
  }
  return { ...body, expected };
}
