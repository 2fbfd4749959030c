/** Takes user names and passwords out of URLs and values out of `token=…`-like pairs, so that logs can be shared. */
export function redact(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1***@')
    .replace(/\b(password|passphrase|token|secret|api[-_]?key)(["']?\s*[=:]\s*["']?)[^\s"',;&]+/gi, '$1$2***');
}
