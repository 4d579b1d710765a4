export declare function writeUpstreams(dir: string, servers: readonly string[]): void;
export declare function prepareNginx(options: { dir: string; listen: string; servers: readonly string[] }): string[];
