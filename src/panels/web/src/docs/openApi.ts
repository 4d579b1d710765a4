/** Reads `/openapi.json` into what the reference page shows: groups of operations with their parts. */

type Json = Readonly<Record<string, unknown>>;

export interface Field {
  readonly name: string;
  /** `string`, `integer ≤ 500`, `"public" | "private"` … */
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
  /** Fields of an object, or of the objects in a list. */
  readonly fields: readonly Field[];
}

export interface Parameter extends Field {
  readonly in: string;
}

export interface Answer {
  readonly status: string;
  readonly description: string;
  readonly mediaType: string | null;
  readonly fields: readonly Field[];
}

export interface Operation {
  /** Anchor of the page: `get-user-api-keys`. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly group: string;
  /** Names of security schemes; empty: anybody. */
  readonly security: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly body: { readonly mediaTypes: readonly string[]; readonly fields: readonly Field[]; readonly example: unknown } | null;
  readonly answers: readonly Answer[];
}

const methods = ['get', 'post', 'put', 'patch', 'delete'];
const groupOrder = ['v1', 'operations', 'auth', 'user', 'import', 'admin'];

/** Groups in the order a reader wants them; within one, as the document has them. */
export function operationsOf(document: Json): readonly (readonly [string, readonly Operation[]])[] {
  const groups = new Map<string, Operation[]>();
  for (const [path, item] of Object.entries((document['paths'] ?? {}) as Record<string, Json>)) {
    for (const method of methods) {
      const operation = item[method];
      if (operation === undefined) continue;
      const read = readOperation(method, path, operation as Json);
      groups.set(read.group, [...(groups.get(read.group) ?? []), read]);
    }
  }
  const rank = (group: string): number => (groupOrder.indexOf(group) + 1 || 99) - 1;
  return [...groups].sort(([a], [b]) => rank(a) - rank(b));
}

function readOperation(method: string, path: string, operation: Json): Operation {
  const content = ((operation['requestBody'] as Json | undefined)?.['content'] ?? null) as Record<string, { schema?: Json }> | null;
  const schema = content?.['application/json']?.schema;
  return {
    id: `${method}${path}`.replace(/[^\w]+/g, '-').replace(/-$/, ''),
    method: method.toUpperCase(),
    path,
    summary: text(operation['summary']),
    group: text((operation['tags'] as unknown[] | undefined)?.[0]) || 'operations',
    security: ((operation['security'] ?? []) as Json[]).map((one) => Object.keys(one).join(' + ')),
    parameters: ((operation['parameters'] ?? []) as Json[]).map(readParameter),
    body:
      content === null
        ? null
        : { mediaTypes: Object.keys(content), fields: schema ? fieldsOf(schema) : [], example: schema ? exampleOf(schema) : undefined },
    answers: Object.entries((operation['responses'] ?? {}) as Record<string, Json>).map(readAnswer),
  };
}

function readParameter(parameter: Json): Parameter {
  const schema = (parameter['schema'] ?? {}) as Json;
  return {
    name: text(parameter['name']),
    in: text(parameter['in']),
    required: parameter['required'] === true,
    type: typeOf(schema),
    description: text(schema['description']),
    fields: [],
  };
}

function readAnswer([status, answer]: [string, Json]): Answer {
  const [mediaType, content] = Object.entries((answer['content'] ?? {}) as Record<string, { schema?: Json }>)[0] ?? [null, {}];
  return { status, description: text(answer['description']), mediaType, fields: content.schema ? fieldsOf(content.schema) : [] };
}

const deepest = 4;

function fieldsOf(schema: Json, depth = 0): readonly Field[] {
  if (depth > deepest) return [];
  const inner = schema['items'] as Json | undefined;
  if (inner) return fieldsOf(inner, depth + 1);
  const variant = ((schema['anyOf'] ?? schema['oneOf']) as Json[] | undefined)?.find((one) => one['properties'] ?? one['items']);
  if (variant) return fieldsOf(variant, depth + 1);
  const required = new Set((schema['required'] ?? []) as string[]);
  return Object.entries((schema['properties'] ?? {}) as Record<string, Json>).map(([name, property]) => ({
    name,
    type: typeOf(property),
    required: required.has(name),
    description: text(property['description']),
    fields: fieldsOf(property, depth + 1),
  }));
}

/** A type in a few words. */
export function typeOf(schema: Json): string {
  const choices = schema['enum'] as unknown[] | undefined;
  if (choices) return choices.map((one) => JSON.stringify(one)).join(' | ');
  if ('const' in schema) return JSON.stringify(schema['const']);
  const variants = (schema['anyOf'] ?? schema['oneOf']) as Json[] | undefined;
  if (variants) return [...new Set(variants.map(typeOf))].join(' | ');
  if (typeof schema['$ref'] === 'string') return schema['$ref'].split('/').pop() ?? '';
  const { type } = schema;
  if (type === 'array') return `${typeOf((schema['items'] ?? {}) as Json)}[]`;
  const name = Array.isArray(type) ? type.join(' | ') : typeof type === 'string' ? type : 'any';
  return [name, ...bounds(schema)].join(' ');
}

function bounds(schema: Json): string[] {
  const told: string[] = [];
  if (typeof schema['format'] === 'string') told.push(`(${schema['format']})`);
  if (typeof schema['minimum'] === 'number' && schema['minimum'] > Number.MIN_SAFE_INTEGER) told.push(`≥ ${schema['minimum']}`);
  if (typeof schema['maximum'] === 'number' && schema['maximum'] < Number.MAX_SAFE_INTEGER) told.push(`≤ ${schema['maximum']}`);
  if (typeof schema['maxLength'] === 'number') told.push(`≤ ${schema['maxLength']}`);
  return told;
}

/** A body to start from: required fields only, with a value of the right kind. */
export function exampleOf(schema: Json): unknown {
  if (schema['example'] !== undefined) return schema['example'];
  const choices = schema['enum'] as unknown[] | undefined;
  if (choices) return choices[0];
  const variants = (schema['anyOf'] ?? schema['oneOf']) as Json[] | undefined;
  if (variants?.[0]) return exampleOf(variants[0]);
  const type = Array.isArray(schema['type']) ? (schema['type'][0] as unknown) : schema['type'];
  if (type === 'array') return [exampleOf((schema['items'] ?? {}) as Json)];
  if (type === 'integer' || type === 'number') return typeof schema['minimum'] === 'number' ? Math.max(1, schema['minimum']) : 1;
  if (type === 'boolean') return true;
  if (type === 'string') return schema['format'] === 'date-time' ? '2030-01-01T00:00:00Z' : '…';
  const properties = (schema['properties'] ?? {}) as Record<string, Json>;
  const required = new Set((schema['required'] ?? []) as string[]);
  const shown = Object.entries(properties).filter(([name]) => required.size === 0 || required.has(name));
  return Object.fromEntries(shown.map(([name, property]) => [name, exampleOf(property)]));
}

/** A line for the shell that works once the names in capitals are filled in. */
export function curlOf(operation: Operation, origin: string): string {
  const { method, path, security, body } = operation;
  const lines = [`curl ${method === 'GET' ? '' : `-X ${method} `}'${origin}${path}'`];
  const header = headerFor(security[0] ?? '');
  if (header !== null) lines.push(`-H '${header}'`);
  if (method !== 'GET' && header?.startsWith('cookie') === true) lines.push("-H 'x-csrf-token: CSRF_TOKEN'");
  if (body !== null) {
    lines.push("-H 'content-type: application/json'");
    lines.push(`-d '${JSON.stringify(body.example ?? {})}'`);
  }
  return lines.join(' \\\n  ');
}

function headerFor(scheme: string): string | null {
  if (scheme.startsWith('adminApiKey')) return 'authorization: Bearer ADMIN_API_KEY';
  if (scheme.startsWith('clientKey')) return 'authorization: Bearer API_KEY';
  if (scheme.startsWith('importKey')) return 'authorization: Bearer IMPORT_KEY';
  if (scheme.startsWith('metricsToken')) return 'authorization: Bearer METRICS_TOKEN';
  if (scheme.startsWith('userSession')) return 'cookie: user_session=SESSION';
  return null;
}

export function matches(operation: Operation, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const hay = `${operation.method} ${operation.path} ${operation.summary}`.toLowerCase();
  return words.every((word) => hay.includes(word));
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
