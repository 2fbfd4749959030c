/** Characters that move a terminal's cursor, or that let a line read otherwise than it is. */
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text of somebody else's for a terminal: nothing in it acts. */
export function printable(text: string): string {
  return text.replace(hidden, '');
}

/**
 * A text of somebody else's for a commit message or a merge request. Forges read these, some of them inside of code as well: `Closes: #1` closes an
 * issue of the project that receives it, `@name` calls somebody, `[skip ci]` stops its tests.
 */
export function unlinked(text: string): string {
  return printable(text)
    .replace(/#(?=\d)/g, '')
    .replace(/\bGH-(?=\d)/gi, 'GH ')
    .replace(/\b((?:clos|fix|resolv|implement)[a-z]*:?\s{1,3}https?):(?=\/\/)/gi, '$1 ')
    .replace(/(?<![\w.+-])@(?=\w)/g, '(at)')
    .replace(/\[([^[\]\n]*\b(?:skip|no)\b[^[\]\n]*)\]/gi, '($1)');
}

/** A name or version as Markdown's code, in which nothing is markup. */
export function codeSpan(text: string): string {
  return `\`${unlinked(text).replace(/[`\n]/g, '')}\``;
}

/** Lines of code, fenced by more backticks than they hold. */
export function codeBlock(lines: readonly string[]): string {
  const text = unlinked(lines.join('\n'));
  const longest = (text.match(/`+/g) ?? []).reduce((length, run) => Math.max(length, run.length), 2);
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
