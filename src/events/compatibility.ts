/** Tells which differences between two JSON Schemas of one event version break those who read or kept its data. */

export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Names every breaking difference as `path: what`. Additions of optional members, new choices of an enumeration
 * and wider bounds break nobody; everything else wants a new version with an upcaster.
 */
export function breakingChanges(before: JsonSchema, after: JsonSchema, path = ''): string[] {
  const at = path === '' ? '(root)' : path;
  return [
    ...typeChanges(before, after, at),
    ...boundChanges(before, after, at),
    ...memberChanges(before, after, path),
    ...choiceChanges(before, after, at),
    ...(isSchema(before.items) && isSchema(after.items) ? breakingChanges(before.items, after.items, `${path}[]`) : []),
  ];
}

function typeChanges(before: JsonSchema, after: JsonSchema, at: string): string[] {
  const changed = (['type', 'format', 'pattern', 'const'] as const).filter(
    (word) => JSON.stringify(before[word]) !== JSON.stringify(after[word]),
  );
  return changed.map((word) => `${at}: ${word} was ${JSON.stringify(before[word])}, is ${JSON.stringify(after[word])}`);
}

/** Data that was within its bounds must stay so. */
function boundChanges(before: JsonSchema, after: JsonSchema, at: string): string[] {
  const narrower = (word: string, isNarrower: (was: number, is: number) => boolean): boolean => {
    const [was, is] = [before[word], after[word]];
    return typeof is === 'number' && (typeof was !== 'number' || isNarrower(was, is));
  };
  const up = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'].filter((word) => narrower(word, (was, is) => is > was));
  const down = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'].filter((word) => narrower(word, (was, is) => is < was));
  return [...up, ...down].map((word) => `${at}: ${word} is narrower than it was`);
}

function memberChanges(before: JsonSchema, after: JsonSchema, path: string): string[] {
  const was = members(before);
  const is = members(after);
  const required = new Set(list(after.required));
  const requiredBefore = new Set(list(before.required));
  const gone = [...was.keys()].filter((name) => !is.has(name)).map((name) => `${join(path, name)}: is gone`);
  const demanded = [...required].filter((name) => !requiredBefore.has(name)).map((name) => `${join(path, name)}: is required now`);
  const missing = [...requiredBefore]
    .filter((name) => is.has(name) && !required.has(name))
    .map((name) => `${join(path, name)}: may be absent now`);
  const inside = [...was].flatMap(([name, schema]) => {
    const next = is.get(name);
    return next === undefined ? [] : breakingChanges(schema, next, join(path, name));
  });
  return [...gone, ...demanded, ...missing, ...inside];
}

/** Enumerations and unions may grow, not shrink. */
function choiceChanges(before: JsonSchema, after: JsonSchema, at: string): string[] {
  const lost = list(before.enum).filter((choice) => !list(after.enum).includes(choice));
  const variants = Array.isArray(after.anyOf) ? (after.anyOf as JsonSchema[]) : [after];
  const wasVariants = Array.isArray(before.anyOf) ? (before.anyOf as JsonSchema[]) : [];
  const unmatched = wasVariants.filter((variant) => !variants.some((next) => breakingChanges(variant, next).length === 0));
  return [...lost.map((choice) => `${at}: ${choice} is no choice any more`), ...unmatched.map(() => `${at}: a variant is gone`)];
}

function members(schema: JsonSchema): Map<string, JsonSchema> {
  return new Map(Object.entries(isSchema(schema.properties) ? schema.properties : {}) as [string, JsonSchema][]);
}

function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
