import { describe, expect, it } from 'vitest';
import { curlOf, exampleOf, matches, type Operation, operationsOf, typeOf } from './openApi';

const document = {
  paths: {
    '/admin/api/users': { get: { summary: 'Users.', tags: ['admin'], security: [{ adminApiKey: [] }], responses: {} } },
    '/v1/models/{id}': {
      get: {
        summary: 'One model.',
        tags: ['v1'],
        security: [{ clientKeyBearer: [] }],
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        responses: { 200: { description: 'Done.' } },
      },
    },
    '/user/api/keys': {
      post: {
        summary: 'Make a key.',
        tags: ['user'],
        security: [{ userSession: [], csrfToken: [] }],
        requestBody: {
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['name'],
                properties: {
                  name: { type: 'string', maxLength: 100 },
                  rpmLimit: { anyOf: [{ type: 'integer', minimum: 1, maximum: 100_000 }, { type: 'null' }] },
                },
              },
            },
          },
        },
        responses: {
          201: {
            description: 'Done.',
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  required: ['items'],
                  properties: { items: { type: 'array', items: { type: 'object', properties: { id: { type: 'string' } } } } },
                },
              },
            },
          },
        },
      },
    },
  },
};

const all = operationsOf(document);
const key = all.find(([group]) => group === 'user')?.[1][0] as Operation;

describe('the reference', () => {
  it('puts what clients need first', () => {
    expect(all.map(([group]) => group)).toEqual(['v1', 'user', 'admin']);
    expect(all[0]?.[1][0]).toMatchObject({ id: 'get-v1-models-id', parameters: [{ name: 'id', in: 'path', required: true }] });
  });

  it('tells fields with type, bounds and depth', () => {
    expect(key.body?.fields).toMatchObject([
      { name: 'name', type: 'string ≤ 100', required: true },
      { name: 'rpmLimit', type: 'integer ≥ 1 ≤ 100000 | null', required: false },
    ]);
    expect(key.answers).toMatchObject([{ status: '201', fields: [{ name: 'items', type: 'object[]', fields: [{ name: 'id' }] }] }]);
    expect(typeOf({ enum: ['a', 'b'] })).toBe('"a" | "b"');
  });

  it('makes an example of what is required', () => {
    expect(key.body?.example).toEqual({ name: '…' });
    expect(exampleOf({ type: 'array', items: { type: 'integer', minimum: 5 } })).toEqual([5]);
  });

  it('shows a line for the shell with the header that the route asks for', () => {
    expect(curlOf(key, 'https://gate.example')).toBe(
      "curl -X POST 'https://gate.example/user/api/keys' \\\n  -H 'cookie: user_session=SESSION' \\\n  -H 'x-csrf-token: CSRF_TOKEN' \\\n  " +
        '-H \'content-type: application/json\' \\\n  -d \'{"name":"…"}\'',
    );
  });

  it('is searched by every word', () => {
    expect([matches(key, 'post keys'), matches(key, 'make KEY'), matches(key, 'post users'), matches(key, ' ')]).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });
});
