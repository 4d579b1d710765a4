/** Sets i18next up: keys as `namespace:path`, texts loaded per language and namespace. */
import i18next, { type BackendModule, type i18n, type TFunction } from 'i18next';
import { initReactI18next, useTranslation } from 'react-i18next';
import type admin from '../locales/en/admin.json';
import type common from '../locales/en/common.json';
import type member from '../locales/en/member.json';
import { initialLanguage, isLanguage, storeLanguage } from './languages';

type Namespaces = ['common', 'member', 'admin'];

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'common';
    resources: { common: typeof common; member: typeof member; admin: typeof admin };
  }
}

/** Translates a key that names its namespace: `t('common:actions.save')`. Unknown keys do not compile. */
export type Translate = TFunction<Namespaces>;

const files = import.meta.glob<{ default: Record<string, unknown> }>('../locales/*/*.json');

const backend: BackendModule = {
  type: 'backend',
  init: () => undefined,
  read(language, namespace, done) {
    const load = files[`../locales/${language}/${namespace}.json`];
    if (!load) {
      done(new Error(`no texts for ${language}/${namespace}`), false);
      return;
    }
    load().then(
      (loaded) => done(null, loaded.default),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), false),
    );
  },
};

/** Resolves when the first texts are there. The page's `lang` follows the choice. */
export async function startI18n(): Promise<i18n> {
  const instance = i18next.createInstance();
  const follow = (language: string): void => {
    document.documentElement.lang = language;
    if (isLanguage(language)) storeLanguage(localStorage, language);
  };
  await instance
    .use(backend)
    .use(initReactI18next)
    .init({
      lng: initialLanguage(localStorage, navigator.languages),
      fallbackLng: false,
      load: 'currentOnly',
      ns: ['common'],
      defaultNS: 'common',
      // React escapes what it renders.
      interpolation: { escapeValue: false },
      returnNull: false,
    });
  document.documentElement.lang = instance.language;
  instance.on('languageChanged', follow);
  return instance;
}

/** The translator of a page. Suspends until `namespace` is there; a panel's shell asks for it once. */
export function useT(namespace: Namespaces[number] = 'common'): Translate {
  return useTranslation(namespace).t as unknown as Translate;
}

/** BCP 47 tag for Intl. */
export function useLanguage(): string {
  return useTranslation().i18n.language;
}
