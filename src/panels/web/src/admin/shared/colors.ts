/** Colours that pass AA on the page's ground in both schemes. */

export const linkColor = 'light-dark(var(--mantine-color-brand-7), var(--mantine-color-brand-2))';
export const badColor = 'light-dark(var(--mantine-color-red-9), var(--mantine-color-red-3))';
export const goodColor = 'light-dark(var(--mantine-color-teal-9), var(--mantine-color-teal-3))';
