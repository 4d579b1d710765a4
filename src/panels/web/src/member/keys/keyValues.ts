/** A key as the form shows it, and as the API takes it. */
import type { ApiKey } from '../types';
import { fromLocalTime, toLocalTime } from './localTime';

export interface KeyValues {
  readonly name: string;
  /** As typed. */
  readonly rpmLimit: string;
  readonly allowedModels: string[];
  readonly expiresAt: string;
}

export function valuesOf(key: ApiKey | null): KeyValues {
  return {
    name: key?.name ?? '',
    rpmLimit: String(key?.rpmLimit ?? ''),
    allowedModels: [...(key?.allowedModels ?? [])],
    expiresAt: toLocalTime(key?.expiresAt ?? null),
  };
}

/** What the API takes: null is the site's default, all models, no end. */
export function bodyOf({ name, rpmLimit, allowedModels, expiresAt }: KeyValues) {
  return {
    name,
    rpmLimit: rpmLimit.trim() === '' ? null : Number(rpmLimit),
    allowedModels: allowedModels.length === 0 ? null : allowedModels,
    expiresAt: fromLocalTime(expiresAt),
  };
}
