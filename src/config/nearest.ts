import { closest, distance } from 'fastest-levenshtein';

/** The candidate that a misspelt word most likely meant; null when none is near enough to be worth a suggestion. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  if (candidates.length === 0) return null;
  const found = closest(word, candidates);
  return distance(word, found) <= Math.max(2, Math.floor(word.length / 3)) ? found : null;
}
