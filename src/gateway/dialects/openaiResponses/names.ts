/** Tools whose calls come back in another form than a plain function's: free-form ones, the search for tools, and those of a namespace. */

export interface ToolForm {
  readonly kind: 'function' | 'custom' | 'search';
  readonly name: string;
  readonly namespace: string | null;
}

/** By the name under which the model knows the tool. Plain functions are not in it. */
export type ToolForms = ReadonlyMap<string, ToolForm>;

/** One name for both; the model and the upstreams know no namespaces. */
export function flatName(namespace: string | null, name: string): string {
  if (namespace === null || namespace === '') return name;
  return namespace.endsWith('__') ? namespace + name : `${namespace}__${name}`;
}

/** The search for tools has no name of its own: its type says which it is. */
export const SEARCH_TOOL = 'tool_search';
