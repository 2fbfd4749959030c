import { stripVTControlCharacters, toUSVString } from 'node:util';

/**
 * Text as XML 1.0 may hold it: without ANSI sequences, control characters, lone surrogates and the two non-characters
 * that no escape makes valid. Line ends become `\n`.
 */
export function xmlText(text: string): string {
  return toUSVString(stripVTControlCharacters(text))
    .replace(/\r\n?/g, '\n')
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/g, '');
}
