import { readFileSync } from 'node:fs';

/** The bundle carries the texts inside it, by name: the one file is then all that a node needs. */
declare const EMBEDDED_RESOURCES: Record<string, string> | undefined;

/** The text of a file under `resources/lockstep`, such as `stages/configure.sh`. */
export function resourceText(name: string): string {
  if (typeof EMBEDDED_RESOURCES === 'undefined') {
    return readFileSync(new URL(`../resources/lockstep/${name}`, import.meta.url), 'utf8');
  }
  const text = EMBEDDED_RESOURCES[name];
  if (text === undefined) throw new Error(`the bundle was made without the resource ${name}`);
  return text;
}
