/** Frames of server-sent events. */

/** `data` must be one line, as JSON text is. */
export function dataFrame(data: string): string {
  return `data: ${data}\n\n`;
}

export function namedFrame(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}
