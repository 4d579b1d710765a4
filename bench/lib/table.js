/** Aligned columns on standard output, numbers to the right. */
export function printTable(head, rows) {
  const text = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...text.map((row) => row[column].length)));
  for (const row of text) console.log(row.map((one, i) => (i === 0 ? one.padEnd(widths[i]) : one.padStart(widths[i]))).join('  '));
}
