/** The routes outside the panel API, for `/openapi.json`. */
import type { DocumentedRoute } from '../panels/api/deps.js';

const errors = {
  '400': 'Malformed, with the field named',
  '401': 'No, wrong, expired or revoked key',
  '403': 'Banned, waiting, or the model is not allowed',
  '413': 'Body above 50 MB',
  '429': 'Quota, key rate or pool, with Retry-After',
  '502': 'The upstream failed after all attempts',
  '503': 'No token, no capacity, or switched off, with Retry-After',
  '504': 'The upstream did not answer in time',
};

const generation = (path: string, summary: string): DocumentedRoute => ({
  method: 'post',
  path,
  access: 'client-key',
  summary,
  responses: { '200': 'The reply, whole or as server-sent events', ...errors },
  body: { type: 'object', description: `The official request body of ${summary}`, additionalProperties: true },
});

export const documentedRoutes: readonly DocumentedRoute[] = [
  generation('/v1/chat/completions', 'OpenAI chat completions'),
  generation('/v1/responses', 'OpenAI responses'),
  generation('/v1/messages', 'Anthropic messages'),
  {
    ...generation('/v1/messages/count_tokens', 'Anthropic token counting'),
    responses: { '200': '`{"input_tokens": n}`, an estimate', '400': errors['400'], '401': errors['401'], '403': errors['403'] },
  },
  {
    method: 'get',
    path: '/v1/models',
    access: 'client-key',
    summary: 'Models',
    responses: { '200': 'In the form of the SDK that asks', '401': errors['401'] },
  },
  {
    method: 'get',
    path: '/v1/models/:id',
    access: 'client-key',
    summary: 'One model',
    responses: { '200': 'In the form of the SDK that asks', '401': errors['401'], '404': 'No such model' },
  },
  {
    method: 'get',
    path: '/health',
    access: 'public',
    summary: 'Readiness',
    responses: { '200': 'Healthy', '503': 'Starting, unhealthy or draining; the same body' },
  },
  { method: 'get', path: '/health/live', access: 'public', summary: 'Liveness', responses: { '200': 'The process can answer' } },
  {
    method: 'get',
    path: '/metrics',
    access: 'metrics-token',
    summary: 'Prometheus metrics of the whole cluster',
    responses: { '200': 'Prometheus text', '401': 'METRICS_TOKEN is set and was not sent' },
  },
  { method: 'get', path: '/asyncapi.json', access: 'public', summary: 'All event types', responses: { '200': 'AsyncAPI 3.0 document' } },
];
