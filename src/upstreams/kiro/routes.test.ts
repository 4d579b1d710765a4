import { describe, expect, it } from 'vitest';
import { boundedMap } from './boundedMap.js';
import type { KiroSecret } from './credentials.js';
import { createRouteMemory } from './routeMemory.js';
import {
  apiRegion,
  arnRegion,
  authOrigin,
  discoveryRegions,
  isRegion,
  type KiroAuthType,
  type Origins,
  oidcOrigin,
  routesFor,
} from './routes.js';

const secret: KiroSecret = { id: 'a', refreshToken: 'r', region: 'us-east-1' };
const euArn = 'arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEF';
const origins: Origins = { region: 'us-east-1' };
const routes = (
  authType: KiroAuthType,
  ownArn?: string,
  over: Partial<KiroSecret> = {},
  at: Origins = origins,
  memory = createRouteMemory(10),
  needsProfile = false,
) => routesFor({ authType, secret: { ...secret, ...over }, ownArn, needsProfile, origins: at, memory });
const short = (list: ReturnType<typeof routes>): string[] => list.map((route) => `${route.name} ${route.origin}${route.path}`);

describe('the routing table', () => {
  it("B3: a social token with its ARN goes to the runtime host of the ARN's region, then to the q host", () => {
    expect(short(routes('social', euArn))).toEqual([
      'aws_json@runtime/own https://runtime.eu-central-1.kiro.dev/',
      'json@q/own https://q.eu-central-1.amazonaws.com/generateAssistantResponse',
    ]);
  });

  it("B4: a social token without ARN uses the shared one, in that one's region", () => {
    const [first] = routes('social', undefined, { region: 'eu-central-1' });
    expect(first).toMatchObject({ arnForm: 'shared', origin: 'https://runtime.us-east-1.kiro.dev' });
  });

  it('B3: an IdC token keeps sign-in region and API region apart', () => {
    expect(short(routes('idc', euArn, { region: 'ap-southeast-2' }))[0]).toBe(
      'json@q/own https://q.eu-central-1.amazonaws.com/generateAssistantResponse',
    );
    expect(oidcOrigin(origins, 'ap-southeast-2')).toBe('https://oidc.ap-southeast-2.amazonaws.com');
  });

  it("B4: a Builder ID starts without ARN and knows the service's stand-in as the next form", () => {
    expect(routes('builder_id').map((route) => [route.name, route.profileArn !== undefined])).toEqual([
      ['json@q/none', false],
      ['aws_json@runtime/service', true],
    ]);
  });

  it('B4: a model that demands an ARN makes a Builder ID start with the stand-in, whatever worked before', () => {
    const memory = createRouteMemory(10);
    memory.worked('a', 'json@q/none');
    expect(routes('builder_id', undefined, {}, origins, memory, true)[0]?.name).toBe('aws_json@runtime/service');
  });

  it('each dialect has its content type, marker and origin word', () => {
    const [root, path] = routes('social', euArn);
    expect(root).toMatchObject({
      messageOrigin: 'KIRO_CLI',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'AmazonCodeWhispererStreamingService.GenerateAssistantResponse',
      },
    });
    expect(path).toMatchObject({
      messageOrigin: 'AI_EDITOR',
      headers: { 'content-type': 'application/json', 'x-amzn-kiro-agent-mode': 'vibe' },
    });
  });

  it('what worked for a credential goes first, for that credential only', () => {
    const memory = createRouteMemory(10);
    memory.worked('a', 'aws_json@runtime/service');
    expect(routes('builder_id', undefined, {}, origins, memory)[0]?.name).toBe('aws_json@runtime/service');
    expect(routes('builder_id', undefined, { id: 'b' }, origins, memory)[0]?.name).toBe('json@q/none');
  });

  it('what was refused goes last, the longest ago first, until a route works', () => {
    const memory = createRouteMemory(10);
    const names = (): string[] => routes('idc', euArn, {}, origins, memory).map(({ name }) => name);
    memory.worked('a', 'aws_json@runtime/own');
    memory.refused('a', ['aws_json@runtime/own']);
    expect(names()).toEqual(['json@q/own', 'json@q/none', 'aws_json@runtime/own']);
    memory.refused('a', ['json@q/own', 'json@q/none']);
    expect(names()).toEqual(['aws_json@runtime/own', 'json@q/own', 'json@q/none']);
    memory.refused('a', ['aws_json@runtime/own']);
    expect(names()[0]).toBe('json@q/own');
    expect(memory.isRefused('a', 'json@q/none')).toBe(true);
    memory.worked('a', 'json@q/own');
    expect(memory.isRefused('a', 'json@q/none')).toBe(false);
    expect(names()).toEqual(['json@q/own', 'aws_json@runtime/own', 'json@q/none']);
  });

  it('an override replaces its origin for every region and host form', () => {
    const at: Origins = {
      ...origins,
      apiUrl: 'http://127.0.0.1:9000/',
      authUrl: 'http://127.0.0.1:9001',
      oidcUrl: 'http://127.0.0.1:9002',
    };
    expect(new Set(routes('social', euArn, {}, at).map((route) => route.origin))).toEqual(new Set(['http://127.0.0.1:9000']));
    expect(authOrigin(at, 'eu-west-1')).toBe('http://127.0.0.1:9001');
    expect(oidcOrigin(at, 'eu-west-1')).toBe('http://127.0.0.1:9002');
  });

  it("B3: the API region is the donor's word, else the ARN's, else the sign-in region if served, else us-east-1", () => {
    expect(apiRegion({ ...secret, apiRegion: 'us-gov-west-1' }, euArn)).toBe('us-gov-west-1');
    expect(apiRegion(secret, euArn)).toBe('eu-central-1');
    expect(apiRegion({ ...secret, region: 'eu-central-1' }, undefined)).toBe('eu-central-1');
    expect(apiRegion({ ...secret, region: 'ap-southeast-2' }, undefined)).toBe('us-east-1');
  });

  it('B4: profiles are asked for in Europe first where the sign-in is near it', () => {
    expect(discoveryRegions('eu-west-1')).toEqual(['eu-central-1', 'us-east-1', 'eu-west-1']);
    expect(discoveryRegions('us-east-1')).toEqual(['us-east-1', 'eu-central-1']);
  });

  it('only a region may enter a host name', () => {
    for (const good of ['us-east-1', 'eu-central-1', 'us-gov-west-1', 'ap-southeast-2']) expect(isRegion(good)).toBe(true);
    for (const bad of ['', 'us-east-1.evil.com', 'a@b', '127.0.0.1', 'us-east-1/', 'US-EAST-1', `us-${'east'.repeat(9)}-1`])
      expect(isRegion(bad)).toBe(false);
    expect(arnRegion(euArn)).toBe('eu-central-1');
    expect(arnRegion('arn:aws:codewhisperer:evil:1:profile/X')).toBeNull();
  });

  it('the bounded map forgets the least recently used', () => {
    const map = boundedMap<number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.get('a');
    map.set('c', 3);
    expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([1, undefined, 3, 2]);
  });
});
