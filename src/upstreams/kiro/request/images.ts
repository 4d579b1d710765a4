/** Gives an image the format its bytes say, because the client's media type is often wrong (kiro-protocol B10). */
import { type ImagePart, UpstreamFailure } from '../../define.js';
import type { WireImage } from './body.js';

const formats: readonly (readonly [WireImage['format'], (head: Buffer) => boolean])[] = [
  ['png', (head) => head.readUInt32BE(0) === 0x89504e47],
  ['jpeg', (head) => head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff],
  ['gif', (head) => head.toString('latin1', 0, 4) === 'GIF8'],
  ['webp', (head) => head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WEBP'],
];

const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Throws UpstreamFailure `client` for what is neither png, jpeg, gif nor webp in base64. `param` is the field at fault. */
export function toWireImage(image: ImagePart, param: string): WireImage {
  const refuse = (message: string): never => {
    throw new UpstreamFailure({ kind: 'client', message, param });
  };
  let data = image.data.startsWith('data:') ? image.data.slice(image.data.indexOf(',') + 1) : image.data;
  if (/^https?:/i.test(data)) refuse('Images must be sent as base64; this upstream does not fetch addresses.');
  if (/[\s_-]/.test(data)) data = data.replace(/\s+/g, '').replaceAll('-', '+').replaceAll('_', '/');
  if (!base64.test(data)) refuse('The image is not valid base64.');
  const head = Buffer.from(data.slice(0, 24), 'base64');
  const format = head.length >= 12 ? formats.find(([, fits]) => fits(head))?.[0] : undefined;
  return { format: format ?? refuse('The image is not a PNG, JPEG, GIF or WebP.'), source: { bytes: data } };
}
