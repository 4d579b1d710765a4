/** The Kubernetes manifests against the types of the API, the settings of a node, the image and the contract's paths. */
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Secret } from 'kubernetes-models/v1/Secret';
import { Service } from 'kubernetes-models/v1/Service';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, variables } from '../../src/config.js';
import { type Manifest, readManifests, readText } from './files.js';

const models = { StatefulSet, HorizontalPodAutoscaler, NetworkPolicy, PodDisruptionBudget, ConfigMap, Secret, Service };
const manifests = readManifests();

/** By kind and name. */
function find<T>(kind: string, name = 'kirogate'): T {
  const found = manifests.find(({ manifest }) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found.manifest as unknown as T;
}

interface Probe {
  httpGet: { path: string; port: string };
  periodSeconds: number;
  failureThreshold: number;
}
interface Nodes {
  spec: {
    serviceName: string;
    selector: { matchLabels: Record<string, string> };
    template: {
      metadata: { labels: Record<string, string>; annotations: Record<string, string> };
      spec: {
        terminationGracePeriodSeconds: number;
        securityContext: Record<string, unknown>;
        containers: [
          {
            image: string;
            ports: { name: string; containerPort: number }[];
            env: { name: string; value?: string; valueFrom?: unknown }[];
            startupProbe: Probe;
            readinessProbe: Probe;
            livenessProbe: Probe;
            lifecycle: { preStop: { exec: { command: string[] } } };
            securityContext: Record<string, unknown>;
            volumeMounts: { name: string; mountPath: string }[];
            resources: { requests: object; limits: { memory: string } };
          },
        ];
        volumes: { name: string }[];
      };
    };
    volumeClaimTemplates: { metadata: { name: string } }[];
    persistentVolumeClaimRetentionPolicy: { whenDeleted: string; whenScaled: string };
  };
}

const nodes = find<Nodes>('StatefulSet');
const pod = nodes.spec.template.spec;
const [container] = pod.containers;
const config = find<{ data: Record<string, string> }>('ConfigMap').data;
const secret = find<{ stringData: Record<string, string> }>('Secret').stringData;

describe('every manifest', () => {
  it.each(manifests)('in $file is what the API takes ($manifest.kind)', ({ manifest }) => {
    const Model = models[manifest.kind as keyof typeof models] as new (data: Manifest) => { validate(): void };
    expect(Object.keys(models)).toContain(manifest.kind);
    expect(manifest.apiVersion).toBe((Model as unknown as { apiVersion: string }).apiVersion);
    expect(() => new Model(manifest).validate()).not.toThrow();
  });

  it('that speaks of the nodes means these nodes', () => {
    const { labels } = nodes.spec.template.metadata;
    const selectors = [
      nodes.spec.selector.matchLabels,
      find<{ spec: { selector: object } }>('Service').spec.selector,
      find<{ spec: { selector: object } }>('Service', nodes.spec.serviceName).spec.selector,
      find<{ spec: { selector: { matchLabels: object } } }>('PodDisruptionBudget').spec.selector.matchLabels,
      find<{ spec: { podSelector: { matchLabels: object } } }>('NetworkPolicy').spec.podSelector.matchLabels,
    ];
    for (const selector of selectors) expect(selector).toEqual(labels);
    expect(find<{ spec: { scaleTargetRef: object } }>('HorizontalPodAutoscaler').spec.scaleTargetRef).toEqual({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      name: 'kirogate',
    });
  });
});

describe('the settings', () => {
  const given = { ...config, ...secret, ...Object.fromEntries(container.env.map(({ name, value = 'node-0' }) => [name, value])) };

  it('all exist, secrets in the Secret and the rest outside it', () => {
    for (const name of Object.keys(given)) expect(Object.keys(variables)).toContain(name);
    const isSecret = (name: string): boolean => 'secret' in variables[name as keyof typeof variables];
    expect(Object.keys(secret).every(isSecret)).toBe(true);
    expect(Object.keys(config).some(isSecret)).toBe(false);
  });

  it('make a node of a cluster, once the secrets are filled in', () => {
    const filled = { ADMIN_PASSWORD: 'a', ADMIN_SECRET_KEY: 'b', USER_SESSION_SECRET: 'c', TOKEN_ENCRYPT_KEY: 'd' };
    const long = Object.fromEntries(Object.entries(filled).map(([name, letter]) => [name, letter.repeat(24)]));
    expect(loadConfig({ ...given, ...long })).toMatchObject({ mode: 'distributed', PORT: 8000, DATA_DIR: '/data', NODE_ID: 'node-0' });
  });

  it('are refused with the secrets as the example has them', () => {
    let faults: readonly string[] = [];
    try {
      loadConfig(given);
    } catch (error) {
      if (error instanceof ConfigError) faults = error.faults;
    }
    expect(faults).toHaveLength(4);
    for (const name of ['ADMIN_PASSWORD', 'ADMIN_SECRET_KEY', 'USER_SESSION_SECRET', 'TOKEN_ENCRYPT_KEY'])
      expect(faults.join('\n')).toMatch(new RegExp(`${name}.*sample`));
  });

  it('fit the connections of the database, with the most nodes', () => {
    const { maxReplicas } = find<{ spec: { maxReplicas: number } }>('HorizontalPodAutoscaler').spec;
    const { DB_POOL_SIZE: kept, DB_MAX_OVERFLOW: more } = loadConfig(config);
    expect(maxReplicas * (kept + more + 2)).toBeLessThanOrEqual(300);
  });
});

describe('a node', () => {
  it('has a name that stays, its data in a volume of its own, and nothing else to write to but /tmp', () => {
    expect(container.env[0]).toEqual({ name: 'NODE_ID', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } });
    expect(container.volumeMounts).toEqual([
      { name: 'data', mountPath: '/data' },
      { name: 'tmp', mountPath: '/tmp' },
    ]);
    expect(nodes.spec.volumeClaimTemplates[0]?.metadata.name).toBe('data');
    expect(pod.volumes.map(({ name }) => name)).toEqual(['tmp']);
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 });
  });

  it('keeps its volume when it is scaled away, where events may wait that the handbook tells how to look for', () => {
    expect(nodes.spec.persistentVolumeClaimRetentionPolicy).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' });
    const [, scaling = ''] = /\n## Scaling\n([\s\S]*?)\n## /.exec(readText('docs/operations.md')) ?? [];
    const { name } = find<{ metadata: { name: string } }>('HorizontalPodAutoscaler').metadata;
    for (const part of ['**Leftovers.**', 'kubectl get pvc', `kubectl patch hpa ${name}`, `${container.volumeMounts[0]?.mountPath}/spool`])
      expect(scaling).toContain(part);
  });

  it('is asked on the port that it has and the paths that it answers', () => {
    const [port] = container.ports;
    expect(port).toEqual({ name: 'http', containerPort: 8000 });
    expect(container.env).toContainEqual({ name: 'PORT', value: '8000' });
    expect(container.startupProbe.httpGet).toEqual({ path: '/health', port: 'http' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/health', port: 'http' });
    expect(container.livenessProbe.httpGet).toEqual({ path: '/health/live', port: 'http' });
    expect(nodes.spec.template.metadata.annotations).toMatchObject({ 'prometheus.io/port': '8000', 'prometheus.io/path': '/metrics' });
  });

  it('may take as long to start as it tries, and to stop as it drains', () => {
    const { STARTUP_TIMEOUT_SECONDS: start, SHUTDOWN_GRACE_SECONDS: grace, SHUTDOWN_TIMEOUT_SECONDS: drain } = loadConfig(config);
    const { periodSeconds, failureThreshold } = container.startupProbe;
    expect(periodSeconds * failureThreshold).toBeGreaterThan(start);
    const [program, before] = container.lifecycle.preStop.exec.command;
    expect(program).toBe('sleep');
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(before) + grace + drain);
    // Taken out of the endpoints before it stops serving.
    expect(container.readinessProbe.periodSeconds * container.readinessProbe.failureThreshold).toBeLessThanOrEqual(Number(before));
  });

  it('runs the image that the Dockerfile and the compose files name, with its version', () => {
    const { version } = JSON.parse(readText('package.json')) as { version: string };
    expect(container.image).toBe(`kirogate:${version}`);
    expect(readText('docker-compose.yml')).toContain(`image: kirogate:${version}`);
    expect(readText('docker-compose.distributed.yml')).toContain(`image: kirogate:${version}`);
  });
});
