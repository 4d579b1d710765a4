/**
 * Anthropic's client tools that arrive by type alone (`bash_20250124`): the client runs them, only the schema is
 * implied. Written out here from the vendor's tool reference, so that any upstream can offer them.
 */
import type { Tool } from '../../../upstreams/define.js';

type Implied = Omit<Tool, 'name'>;

const string = { type: 'string' };

function object(properties: Readonly<Record<string, unknown>>, required: readonly string[]): unknown {
  return { type: 'object', properties, required };
}

const bash: Implied = {
  description: 'Run a command in a persistent bash session. `restart` starts the session anew.',
  inputSchema: object({ command: string, restart: { type: 'boolean' } }, []),
};

const edits = { path: string, file_text: string, old_str: string, new_str: string, insert_line: { type: 'integer' }, insert_text: string };

const textEditor: Implied = {
  description: 'View, create and edit text files. `str_replace` needs `old_str` to occur exactly once; `view_range` is [first, last] line.',
  inputSchema: object(
    {
      command: { type: 'string', enum: ['view', 'create', 'str_replace', 'insert', 'undo_edit'] },
      ...edits,
      view_range: { type: 'array', items: { type: 'integer' } },
    },
    ['command', 'path'],
  ),
};

const memory: Implied = {
  description: 'Keep notes in files below /memories: view, create, str_replace, insert, delete, rename.',
  inputSchema: object(
    {
      command: { type: 'string', enum: ['view', 'create', 'str_replace', 'insert', 'delete', 'rename'] },
      ...edits,
      old_path: string,
      new_path: string,
      view_range: { type: 'array', items: { type: 'integer' } },
    },
    ['command'],
  ),
};

/** Description and schema for such a type, or null when it is not one of them. */
export function clientTools(type: string): Implied | null {
  if (type.startsWith('bash_')) return bash;
  if (type.startsWith('text_editor_')) return textEditor;
  if (type.startsWith('memory_')) return memory;
  return null;
}
