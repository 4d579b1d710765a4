/** The languages of the panels, and which one this browser gets. */

export const languages = ['en', 'zh-CN'] as const;
export type Language = (typeof languages)[number];

/** Each by its own name. */
export const languageNames: Readonly<Record<Language, string>> = { en: 'English', 'zh-CN': '简体中文' };

const storageKey = 'kirogate-language';

export function isLanguage(text: string | null): text is Language {
  return languages.some((language) => language === text);
}

/** What was chosen here before, else what the browser asks for, else English. */
export function initialLanguage(storage: Pick<Storage, 'getItem'>, wished: readonly string[]): Language {
  const stored = storage.getItem(storageKey);
  if (isLanguage(stored)) return stored;
  for (const wish of wished) {
    if (wish.toLowerCase().startsWith('zh')) return 'zh-CN';
    if (wish.toLowerCase().startsWith('en')) return 'en';
  }
  return 'en';
}

export function storeLanguage(storage: Pick<Storage, 'setItem'>, language: Language): void {
  storage.setItem(storageKey, language);
}
