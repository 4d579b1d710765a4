/** Which points of a line have no neighbour to be joined to: a line alone would not show them. */

type Points = readonly Readonly<Record<string, string | number | null>>[];

export function isLonePoint(points: Points, name: string, index: number): boolean {
  const has = (at: number): boolean => typeof points[at]?.[name] === 'number';
  return has(index) && !has(index - 1) && !has(index + 1);
}
