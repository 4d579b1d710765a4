/** Cuts a migration file into statements, since drivers run one at a time. */

/** What may hold a semicolon that ends nothing: comments, quoted text and names, PostgreSQL's dollar quotes. */
const token = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|;/g;

/** Statements without their semicolons, in order; parts that are only comments are left out. */
export function splitStatements(text: string): readonly string[] {
  const statements: string[] = [];
  let current = '';
  let hasCode = false;
  let from = 0;
  const take = (part: string, code: boolean): void => {
    current += part;
    hasCode ||= code && part.trim() !== '';
  };
  const end = (): void => {
    if (hasCode) statements.push(current.trim());
    current = '';
    hasCode = false;
  };
  for (const match of text.matchAll(token)) {
    take(text.slice(from, match.index), true);
    from = match.index + match[0].length;
    if (match[0] === ';') end();
    else take(match[0], !match[0].startsWith('--') && !match[0].startsWith('/*'));
  }
  take(text.slice(from), true);
  end();
  return statements;
}
