/** Bounds both dialects share. */

/** Longer stop sequences are mistakes; matching holds back as many characters as the longest has. */
export const MAX_STOP_CHARS = 256;
