import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The absolute path of a file that travels with the agent, by its name under `resources/lockstep`. The bundle lies in
 * that directory itself; run from the sources, this module lies in `src` beside `resources`.
 */
export function resourcePath(name: string, moduleUrl = import.meta.url): string {
  const here = path.dirname(fileURLToPath(moduleUrl));
  const fromSources = moduleUrl.endsWith('.ts');
  return fromSources ? path.join(here, '..', 'resources', 'lockstep', name) : path.join(here, name);
}
