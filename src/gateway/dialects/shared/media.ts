/** Images and documents in clients' content: `data:` URLs, Anthropic sources, and clear refusals for what would need a download. */
import type { ImagePart, TextPart } from '../../../upstreams/define.js';
import { isObject, type JsonObject, objectAt, stringAt } from './guards.js';
import { at, describe, invalid, type Path, quoted } from './path.js';

const REMOTE = 'remote URLs are not fetched; send the bytes as a data: URL or base64';

interface DataUrl {
  readonly mediaType: string;
  /** Base64. */
  readonly data: string;
}

/** `data:image/png;base64,…`; anything else is a 400. */
export function dataUrl(url: string, path: Path): DataUrl {
  if (!/^data:/i.test(url)) throw invalid(path, /^https?:/i.test(url) ? REMOTE : 'must be a data: URL');
  const comma = url.indexOf(',');
  const head = comma < 0 ? '' : url.slice(5, comma).toLowerCase();
  if (!head.endsWith(';base64')) throw invalid(path, 'must be a data: URL with base64 content');
  return { mediaType: head.split(';', 1)[0] || 'application/octet-stream', data: base64(url.slice(comma + 1), path) };
}

/** A regular expression over a 1 MB image costs milliseconds; who sends something else than base64 does so from the start, or cuts it. */
const SAMPLED_CHARS = 2_048;

/** Base64 without line breaks; empty or foreign characters are a 400. */
function base64(text: string, path: Path): string {
  const trimmed = text.trim();
  const data = /\s/.test(trimmed.slice(0, SAMPLED_CHARS)) ? trimmed.replace(/\s+/g, '') : trimmed;
  const head = data.length <= SAMPLED_CHARS * 2 ? '' : data.slice(0, SAMPLED_CHARS);
  const tail = head === '' ? data : data.slice(-SAMPLED_CHARS);
  if (!/^[A-Za-z0-9+/]*$/.test(head) || !/^[A-Za-z0-9+/]+={0,2}$/.test(tail)) throw invalid(path, 'is not base64');
  return data;
}

/** OpenAI `image_url`: an object with `url`, or the URL itself (Responses and Cursor spelling). */
export function imageFromUrl(value: unknown, path: Path): ImagePart {
  const inner = typeof value === 'string' ? path : at(path, 'url');
  const url = typeof value === 'string' ? value : stringAt(objectAt(value, path).url, inner);
  return { type: 'image', ...dataUrl(url, inner) };
}

/** Anthropic image `source`. */
export function imageFromSource(value: unknown, path: Path): ImagePart {
  const source = objectAt(value, path);
  switch (source.type) {
    case 'base64': {
      const dataPath = at(path, 'data');
      const data = stringAt(source.data, dataPath);
      if (data.startsWith('data:')) return { type: 'image', ...dataUrl(data, dataPath) };
      return { type: 'image', mediaType: stringAt(source.media_type, at(path, 'media_type')), data: base64(data, dataPath) };
    }
    case 'url': {
      return { type: 'image', ...dataUrl(stringAt(source.url, at(path, 'url')), at(path, 'url')) };
    }
    default:
      throw invalid(at(path, 'type'), `must be "base64", got ${quoted(source.type)}`);
  }
}

/** An Anthropic `document` block as text: title and context first. PDF, URL and file sources are a 400. */
export function documentText(block: JsonObject, path: Path): TextPart {
  const lines = [block.title, block.context].filter((line): line is string => typeof line === 'string' && line !== '');
  lines.push(documentSource(block.source, at(path, 'source')));
  return { type: 'text', text: lines.join('\n') };
}

function documentSource(value: unknown, path: Path): string {
  const source = objectAt(value, path);
  switch (source.type) {
    case 'text':
      return stringAt(source.data, at(path, 'data'));
    case 'content':
      return textOf(source.content, at(path, 'content'));
    case 'base64': {
      const mediaType = String(source.media_type);
      if (!isTextual(mediaType))
        throw invalid(at(path, 'media_type'), `only text documents are supported, got ${quoted(source.media_type)}`);
      return decode(base64(stringAt(source.data, at(path, 'data')), at(path, 'data')));
    }
    case 'url':
      throw invalid(at(path, 'url'), REMOTE);
    default:
      throw invalid(at(path, 'type'), `must be "text" or "content", got ${quoted(source.type)}`);
  }
}

/** OpenAI `file` part: inline text only. */
export function fileText(value: unknown, path: Path): TextPart {
  const file = objectAt(value, path);
  if (typeof file.file_data !== 'string')
    throw invalid(at(path, 'file_data'), 'must be a data: URL with a text file; stored files are not supported');
  const { mediaType, data } = dataUrl(file.file_data, at(path, 'file_data'));
  if (!isTextual(mediaType)) throw invalid(at(path, 'file_data'), `only text files are supported, got "${mediaType.slice(0, 60)}"`);
  const name = typeof file.filename === 'string' ? `${file.filename}\n` : '';
  return { type: 'text', text: name + decode(data) };
}

/** The text of a string or of a list of text blocks. */
export function textOf(value: unknown, path: Path): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) throw invalid(path, `must be a string or an array of text blocks, got ${describe(value)}`);
  return value
    .map((block: unknown, index) => {
      const text = isObject(block) ? block.text : undefined;
      if (typeof text !== 'string') throw invalid(at(path, index), 'must be a text block');
      return text;
    })
    .join('\n');
}

function isTextual(mediaType: string): boolean {
  return mediaType.startsWith('text/') || /^application\/(json|xml|yaml|x-yaml|toml|javascript)$/.test(mediaType);
}

function decode(data: string): string {
  return Buffer.from(data, 'base64').toString('utf8');
}
