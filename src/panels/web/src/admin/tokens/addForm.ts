/** The form of a new token: kinds, the fields of each, and the body that the API takes. */

export const kinds = ['social', 'idc', 'builder_id', 'external_idp', 'api_key', 'anthropic', 'openai'] as const;
export type Kind = (typeof kinds)[number];

export interface TokenForm {
  readonly kind: Kind;
  readonly refreshToken: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly region: string;
  readonly profileArn: string;
  readonly models: readonly string[];
  readonly name: string;
  readonly userId: string;
  readonly visibility: 'public' | 'private';
}

export const emptyForm: TokenForm = {
  kind: 'social',
  refreshToken: '',
  clientId: '',
  clientSecret: '',
  apiKey: '',
  baseUrl: '',
  region: '',
  profileArn: '',
  models: [],
  name: '',
  userId: '',
  visibility: 'public',
};

type Field = 'refreshToken' | 'clientId' | 'clientSecret' | 'apiKey' | 'baseUrl' | 'models' | 'region' | 'profileArn';

const registered: readonly Field[] = ['refreshToken', 'clientId', 'clientSecret', 'region', 'profileArn'];
const fields: Readonly<Record<Kind, readonly Field[]>> = {
  social: ['refreshToken', 'region', 'profileArn'],
  idc: registered,
  builder_id: registered,
  external_idp: ['refreshToken', 'clientId', 'region', 'profileArn'],
  api_key: ['apiKey', 'region'],
  anthropic: ['baseUrl', 'apiKey', 'models'],
  openai: ['baseUrl', 'apiKey', 'models'],
};

export const fieldsOf = (kind: Kind): readonly Field[] => fields[kind];

/** Only what the kind takes and what is filled in. */
export function bodyOf(form: TokenForm): Readonly<Record<string, unknown>> {
  const { kind, visibility } = form;
  const provider = kind === 'anthropic' || kind === 'openai' ? kind : 'kiro';
  const body: Record<string, unknown> = { provider, visibility, ...(provider === 'kiro' ? { authType: kind } : {}) };
  for (const name of [...fieldsOf(kind), 'name', 'userId'] as const) {
    const value = form[name];
    const given = typeof value === 'string' ? value.trim() : value;
    if (given.length > 0) body[name] = given;
  }
  return body;
}
