/** Cleans a tool's JSON Schema down to what the upstream takes (kiro-protocol B10, C1 18). */

type Schema = Readonly<Record<string, unknown>>;

/** Recursive references and hostile nesting end here; past the bounds a schema says nothing. */
const maxDepth = 40;
const maxNodes = 5_000;

interface Cleaning {
  readonly definitions: Schema;
  /** References being resolved right now, to break cycles. */
  readonly open: Set<string>;
  nodes: number;
}

const isObject = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The schema as an object schema. Keywords come out in one fixed order, so that equal schemas give equal bytes; properties keep the client's order. */
export function cleanSchema(schema: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(schema)) return { type: 'object', properties: {} };
  const cleaning: Cleaning = { definitions: schema, open: new Set(), nodes: 0 };
  const clean = clean1(schema, cleaning, 0);
  const flat = flattenRoot(clean);
  const type = flat.type;
  const isObjectSchema =
    type === 'object' ||
    (Array.isArray(type) && type.includes('object')) ||
    (type === undefined && ('properties' in flat || Object.keys(flat).length === 0));
  if (!isObjectSchema && type !== undefined) return { type: 'object', properties: { value: flat }, required: ['value'] };
  const { description, title } = flat;
  const properties = isObject(flat.properties) ? flat.properties : {};
  return {
    type: 'object',
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    properties,
    ...requiredOf(flat.required, properties),
  };
}

/** `required` only with names that exist; empty and null ones are refused upstream. */
function requiredOf(required: unknown, properties: Schema): { required?: readonly string[] } {
  if (!Array.isArray(required)) return {};
  const names = [...new Set(required)].filter((name): name is string => typeof name === 'string' && Object.hasOwn(properties, name));
  return names.length === 0 ? {} : { required: names };
}

/** One node by allow-list: what is not named here (formats, ranges, conditions, `$schema`, `default`, …) is refused or ignored upstream. */
function clean1(schema: unknown, cleaning: Cleaning, depth: number): Record<string, unknown> {
  cleaning.nodes += 1;
  if (!isObject(schema) || depth > maxDepth || cleaning.nodes > maxNodes) return {};
  const target = typeof schema.$ref === 'string' ? resolve(schema.$ref, cleaning) : null;
  if (target) {
    const ref = String(schema.$ref);
    if (cleaning.open.has(ref)) return { type: 'object' };
    cleaning.open.add(ref);
    const { $ref: _, ...beside } = schema;
    const inlined = clean1({ ...target, ...beside }, cleaning, depth + 1);
    cleaning.open.delete(ref);
    return inlined;
  }
  const clean: Record<string, unknown> = {};
  const into = (value: unknown): Record<string, unknown> => clean1(value, cleaning, depth + 1);
  if (typeof schema.type === 'string' || Array.isArray(schema.type)) clean.type = schema.type;
  for (const name of ['title', 'description'] as const) if (typeof schema[name] === 'string') clean[name] = schema[name];
  if (Array.isArray(schema.enum)) clean.enum = schema.enum;
  else if ('const' in schema) clean.enum = [schema.const];
  if (isObject(schema.properties)) {
    // Names of properties are data: one called `format` or `$ref` stays. fromEntries keeps even `__proto__` a plain member.
    const properties = Object.fromEntries(Object.entries(schema.properties).map(([name, inner]) => [name, into(inner)]));
    clean.properties = properties;
    Object.assign(clean, requiredOf(schema.required, properties));
  }
  const items = itemsOf(schema, into);
  if (items) clean.items = items;
  for (const name of ['anyOf', 'oneOf', 'allOf'] as const) {
    const list = schema[name];
    if (Array.isArray(list) && list.length > 0) clean[name] = list.map(into);
  }
  return clean;
}

/** Tuples (`items` as a list, `prefixItems`) become "any of these". */
function itemsOf(schema: Schema, into: (value: unknown) => Record<string, unknown>): Record<string, unknown> | null {
  const tuple = Array.isArray(schema.prefixItems) ? schema.prefixItems : Array.isArray(schema.items) ? schema.items : null;
  if (tuple) return tuple.length === 0 ? {} : { anyOf: tuple.map(into) };
  return schema.items === undefined ? null : into(schema.items);
}

/** A local pointer such as `#/$defs/Node`; anything else resolves to "says nothing". */
function resolve(ref: string, cleaning: Cleaning): Schema {
  let at: unknown = cleaning.definitions;
  if (ref !== '#' && !ref.startsWith('#/')) return {};
  for (const step of ref.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return isObject(at) ? at : {};
}

/** The root may not be a choice: properties of all branches are merged; only `allOf` makes their `required` binding. */
function flattenRoot(root: Record<string, unknown>): Record<string, unknown> {
  const { anyOf, oneOf, allOf, ...rest } = root;
  const branches = [...asList(allOf), ...asList(anyOf), ...asList(oneOf)].map(flattenRoot);
  if (branches.length === 0) return rest;
  const properties: Record<string, unknown> = {};
  for (const branch of [...branches, rest]) if (isObject(branch.properties)) Object.assign(properties, branch.properties);
  const binding = [rest, ...asList(allOf).map(flattenRoot)].flatMap((branch) => (Array.isArray(branch.required) ? branch.required : []));
  const objects = Object.keys(properties).length > 0 || branches.some((branch) => branch.type === 'object');
  return { ...rest, ...(objects ? { type: 'object', properties, required: binding } : { type: rest.type ?? branches[0]?.type }) };
}

function asList(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject).map((inner) => ({ ...inner })) : [];
}
