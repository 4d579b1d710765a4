/** Message content of both APIs into our parts. One grammar, because clients mix the spellings (Cursor sends Anthropic blocks to the OpenAI path). */
import type { ImagePart, MessagePart, TextPart, ToolResultPart } from '../../../upstreams/define.js';
import { filledStringAt, isFilled, isObject, type JsonObject, objectAt, stringAt } from './guards.js';
import { jsonText, toolInput } from './json.js';
import { documentText, fileText, imageFromSource, imageFromUrl, textOf } from './media.js';
import { at, describe, invalid, type Path, quoted } from './path.js';

export type Role = 'user' | 'assistant';

/** Appends the parts of `content` to `into`; empty text yields none. */
export function readContent(content: unknown, role: Role, path: Path, into: MessagePart[]): void {
  if (content === undefined || content === null) return;
  if (typeof content === 'string') {
    addText(content, into);
    return;
  }
  if (!Array.isArray(content)) throw invalid(path, `must be a string or an array, got ${describe(content)}`);
  for (let index = 0; index < content.length; index++) {
    const blockPath = at(path, index);
    const part = readBlock(objectAt(content[index], blockPath), role, blockPath);
    if (part?.type === 'text') addText(part.text, into);
    else if (part !== null) into.push(part);
  }
}

/** Lone surrogates are repaired: JSON readers on the way may refuse them. */
export function addText(text: string, into: MessagePart[]): void {
  if (isFilled(text)) into.push({ type: 'text', text: text.toWellFormed() });
}

/** null: nothing to keep. */
function readBlock(block: JsonObject, role: Role, path: Path): MessagePart | null {
  const shared = plainPart(block, path);
  if (shared !== undefined) {
    if (shared?.type === 'image') onlyIn('user', role, block, path);
    return shared;
  }
  switch (block.type) {
    case 'tool_use':
      onlyIn('assistant', role, block, path);
      return {
        type: 'tool_use',
        id: filledStringAt(block.id, at(path, 'id')),
        name: filledStringAt(block.name, at(path, 'name')),
        input: toolInput(block.input, at(path, 'input')),
      };
    case 'tool_result':
      onlyIn('user', role, block, path);
      return toolResult(filledStringAt(block.tool_use_id, at(path, 'tool_use_id')), block, path);
    case 'thinking':
      onlyIn('assistant', role, block, path);
      return {
        type: 'thinking',
        text: stringAt(block.thinking, at(path, 'thinking')),
        signature: stringAt(block.signature ?? '', at(path, 'signature')) || null,
      };
    case 'redacted_thinking':
      onlyIn('assistant', role, block, path);
      return { type: 'redacted_thinking', data: stringAt(block.data, at(path, 'data')) };
    default:
      // What a server tool did elsewhere: the pair of call and result leaves together (pitfall 20).
      if (block.type === 'server_tool_use' || (typeof block.type === 'string' && block.type.endsWith('_tool_result'))) return null;
      throw invalid(at(path, 'type'), `is not supported: ${quoted(block.type)}`);
  }
}

/** Text and image blocks in every spelling; null: nothing to keep; undefined: another kind of block. */
function plainPart(block: JsonObject, path: Path): TextPart | ImagePart | null | undefined {
  switch (block.type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return { type: 'text', text: stringAt(block.text, at(path, 'text')) };
    case 'refusal':
      return { type: 'text', text: stringAt(block.refusal, at(path, 'refusal')) };
    case 'image_url':
      return imageFromUrl(block.image_url, at(path, 'image_url'));
    case 'input_image':
      if (block.image_url === undefined || block.image_url === null) refuseFileId(block, path);
      return imageFromUrl(block.image_url, at(path, 'image_url'));
    case 'input_file':
      refuseFileId(block, path);
      return fileText(block, path);
    case 'image':
      return imageFromSource(block.source, at(path, 'source'));
    case 'document':
      return documentText(block, path);
    case 'file':
      return fileText(block.file, at(path, 'file'));
    case 'search_result':
      return searchResult(block, path);
    case 'tool_reference':
      return { type: 'text', text: filledStringAt(block.tool_name, at(path, 'tool_name')) };
    case 'compaction':
      return typeof block.content === 'string' ? { type: 'text', text: block.content } : null;
    default:
      return undefined;
  }
}

function refuseFileId(block: JsonObject, path: Path): void {
  if (block.file_id === undefined || block.file_id === null) return;
  throw invalid(at(path, 'file_id'), 'stored files are not supported; send the bytes as a data: URL');
}

function searchResult(block: JsonObject, path: Path): TextPart {
  const lines = [block.title, block.source].filter((line): line is string => typeof line === 'string' && line !== '');
  return { type: 'text', text: [...lines, textOf(block.content, at(path, 'content'))].join('\n') };
}

/** A tool's answer; `holder` is the Anthropic block, the OpenAI `tool` message, or what stands for one, with `content` under the name the client sees. */
export function toolResult(toolUseId: string, holder: JsonObject, path: Path, contentName = 'content'): ToolResultPart {
  const isError = holder.is_error ?? false;
  if (typeof isError !== 'boolean') throw invalid(at(path, 'is_error'), `must be a boolean, got ${describe(isError)}`);
  return { type: 'tool_result', toolUseId, isError, content: resultContent(holder.content, at(path, contentName)) };
}

/** String, blocks, images, or any JSON, which becomes its text (pitfall 12). Empty stays empty. */
function resultContent(content: unknown, path: Path): (TextPart | ImagePart)[] {
  const parts: (TextPart | ImagePart)[] = [];
  if (content === undefined || content === null) return parts;
  const items: readonly unknown[] = Array.isArray(content) ? content : [content];
  for (let index = 0; index < items.length; index++) {
    const part = resultItem(items[index], Array.isArray(content) ? at(path, index) : path);
    if (part !== null && (part.type === 'image' || isFilled(part.text))) parts.push(part);
  }
  return parts;
}

function resultItem(item: unknown, path: Path): TextPart | ImagePart | null {
  if (item === undefined || item === null) return null;
  if (typeof item === 'string') return { type: 'text', text: item.toWellFormed() };
  if (!isObject(item)) return { type: 'text', text: jsonText(item, path) };
  const type = item.type;
  if (type === 'input_audio' || type === 'audio') throw invalid(at(path, 'type'), 'audio is not supported');
  if (!looksLikeBlock(item)) return { type: 'text', text: jsonText(item, path) };
  const part = plainPart(item, path);
  if (part === undefined) return { type: 'text', text: jsonText(item, path) };
  return part?.type === 'text' ? { type: 'text', text: part.text.toWellFormed() } : part;
}

/** A tool may answer with JSON that has a `type` of its own; only what has the block's member as well is a block. */
function looksLikeBlock(item: JsonObject): boolean {
  switch (item.type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return 'text' in item;
    case 'image':
    case 'document':
      return 'source' in item;
    case 'input_file':
      return 'file_data' in item || 'file_id' in item;
    default:
      return true;
  }
}

function onlyIn(allowed: Role, role: Role, block: JsonObject, path: Path): void {
  if (role !== allowed) throw invalid(at(path, 'type'), `${quoted(block.type)} belongs into a message of the ${allowed}`);
}
