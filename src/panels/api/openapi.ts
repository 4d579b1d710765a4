/** The OpenAPI 3.1 document, made of the same rows that serve the API. */
import { z } from 'zod';
import { errorCatalogue } from '../../errors.js';
import type { Access, Route } from './define.js';
import type { DocumentedRoute } from './deps.js';

type Json = Record<string, unknown>;

const securityByAccess: Readonly<Record<Access | DocumentedRoute['access'], readonly Json[]>> = {
  public: [],
  admin: [{ adminApiKey: [] }, { adminSession: [], csrfToken: [] }],
  member: [{ userSession: [], csrfToken: [] }],
  'import-key': [{ importKey: [] }],
  'client-key': [{ clientKeyBearer: [] }, { clientKeyHeader: [] }],
  'metrics-token': [{ metricsToken: [] }],
};

const securitySchemes: Json = {
  adminApiKey: { type: 'http', scheme: 'bearer', description: 'ADMIN_API_KEY; needs no x-csrf-token.' },
  adminSession: { type: 'apiKey', in: 'cookie', name: 'admin_session' },
  userSession: { type: 'apiKey', in: 'cookie', name: 'user_session' },
  csrfToken: { type: 'apiKey', in: 'header', name: 'x-csrf-token', description: 'On writes, with a session cookie.' },
  clientKeyBearer: { type: 'http', scheme: 'bearer', description: 'A key `sk-…`, PROXY_API_KEY, or PROXY_API_KEY:REFRESH_TOKEN.' },
  clientKeyHeader: { type: 'apiKey', in: 'header', name: 'x-api-key' },
  importKey: { type: 'http', scheme: 'bearer', description: 'An import key.' },
  metricsToken: { type: 'http', scheme: 'bearer', description: 'METRICS_TOKEN, where it is set.' },
};

export function openApiDocument(rows: readonly Route[], documented: readonly DocumentedRoute[], version: string): Json {
  const paths: Record<string, Json> = {};
  const put = (path: string, method: string, operation: Json): void => {
    const template = path.replace(/:(\w+)/g, '{$1}');
    paths[template] = { ...paths[template], [method]: operation };
  };
  for (const row of documented) put(row.path, row.method, documentedOperation(row));
  for (const row of rows) put(row.path, row.method, operation(row));
  return {
    openapi: '3.1.0',
    info: { title: 'KiroGate', version, description: 'Client API, operations, admin API and user API of one KiroGate installation.' },
    servers: [{ url: '/' }],
    paths,
    components: { securitySchemes, schemas: { Error: errorSchema } },
  };
}

const errorSchema: Json = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'code', 'param'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        code: { type: 'string', enum: Object.keys(errorCatalogue) },
        param: { type: ['string', 'null'], description: 'The field at fault.' },
        reason: { type: 'string', description: 'Which of several refusals under one code it is, where there are several.' },
        issue: {
          type: 'object',
          description: 'What is wrong with the field, as facts: a code, and the limits that were crossed.',
          required: ['code'],
          properties: { code: { type: 'string' }, min: { type: 'number' }, max: { type: 'number' }, format: { type: 'string' } },
        },
      },
    },
  },
};

const errorAnswer = {
  description: 'Refused or failed.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
};

function operation(row: Route): Json {
  const nothing = row.status === 204 ? 'Done; no body.' : row.html ? 'A page, or on to one.' : 'A stream of events.';
  const success: Json = { description: row.response ? 'Done.' : nothing };
  if (row.response) success.content = { 'application/json': { schema: schemaOf(row.response, 'output') } };
  else if (row.status !== 204 && !row.html) success.content = { 'text/event-stream': { schema: { type: 'string' } } };
  return {
    summary: row.summary,
    tags: [tagOf(row.path)],
    security: securityByAccess[row.access],
    ...parameters(row.path, row.query),
    ...(row.body ? { requestBody: requestBody(row.body, row.text === true) } : {}),
    responses: { [row.status]: success, default: errorAnswer },
  };
}

function requestBody(body: z.ZodType, text: boolean): Json {
  const plain = text ? { 'text/plain': { schema: { type: 'string' } } } : {};
  return { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') }, ...plain } };
}

function documentedOperation(row: DocumentedRoute): Json {
  const responses: Json = {};
  for (const [status, description] of Object.entries(row.responses)) responses[status] = { description };
  return {
    summary: row.summary,
    tags: [tagOf(row.path)],
    security: securityByAccess[row.access],
    ...parameters(row.path, undefined),
    ...(row.body ? { requestBody: { required: true, content: { 'application/json': { schema: row.body } } } } : {}),
    responses,
  };
}

function parameters(path: string, query: z.ZodType | undefined): Json {
  const list: Json[] = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const shape = query ? schemaOf(query, 'input') : {};
  const required = new Set((shape.required as string[] | undefined) ?? []);
  for (const [name, schema] of Object.entries((shape.properties as Json | undefined) ?? {})) {
    list.push({ name, in: 'query', required: required.has(name), schema });
  }
  return list.length > 0 ? { parameters: list } : {};
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' }) as Json;
  return rest;
}

/** `admin`, `user`, `auth`, `v1`, `operations` … */
function tagOf(path: string): string {
  const first = path.split('/')[1] ?? '';
  return ['admin', 'user', 'auth', 'v1'].includes(first) ? first : first === 'api' ? 'import' : 'operations';
}
