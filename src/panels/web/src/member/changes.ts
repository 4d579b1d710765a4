/** What of a form goes to the API: a field that nobody touched stays as it is there, whatever a form can show of it. */

/** The members of `after` that are not as in `before`; null: all are. */
export function changesOf<T extends object>(before: T, after: T): Partial<T> | null {
  const names = (Object.keys(after) as (keyof T)[]).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return names.length === 0 ? null : (Object.fromEntries(names.map((name) => [name, after[name]])) as Partial<T>);
}
