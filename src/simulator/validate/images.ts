/** Images: four formats, base64 only, and the bytes must be what the format says (kiro-protocol B10). */
import { improper, tooLong } from '../refusals.js';
import { listAt, objectAt, stringAt } from './shape.js';

/** Around here one field trips the length limit. */
export const MAX_IMAGE_CHARACTERS = 700_000;
export const MAX_IMAGES = 20;

export type ImageFormat = 'png' | 'jpeg' | 'gif' | 'webp';

/** The format the first bytes show, or null. */
export function sniffImage(head: Uint8Array): ImageFormat | null {
  const ascii = Buffer.from(head.subarray(0, 12)).toString('latin1');
  if (ascii.startsWith('\x89PNG')) return 'png';
  if (ascii.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (ascii.startsWith('GIF8')) return 'gif';
  if (ascii.startsWith('RIFF') && ascii.slice(8) === 'WEBP') return 'webp';
  return null;
}

/** Bytes behind a padded base64 text. */
export function base64Bytes(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

function checkImage(value: unknown, path: string): void {
  const image = objectAt(value, path);
  const format = stringAt(image.format, `${path}.format`);
  const bytes = stringAt(objectAt(image.source, `${path}.source`).bytes, `${path}.source.bytes`);
  if (!['png', 'jpeg', 'gif', 'webp'].includes(format)) throw improper('image.format', `${path}.format`);
  if (bytes.length > MAX_IMAGE_CHARACTERS) throw tooLong('image.size', `${path}.source.bytes`);
  if (bytes.length === 0 || bytes.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(bytes)) {
    throw improper('image.base64', `${path}.source.bytes`);
  }
  if (sniffImage(Buffer.from(bytes.slice(0, 24), 'base64')) !== format) throw improper('image.bytes', `${path}.source.bytes`);
}

/** Throws Refusal. */
export function checkImages(value: unknown, path: string, allowed: boolean): void {
  const images = listAt(value, path);
  if (images.length > 0 && !allowed) throw improper('image.model', path);
  if (images.length > MAX_IMAGES) throw improper('image.count', path);
  for (const [i, image] of images.entries()) checkImage(image, `${path}[${i}]`);
}
