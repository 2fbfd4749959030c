import type { Toolbox } from '../../toolbox/toolbox.ts';

/** The numbers of a root's users and groups by name. */
export interface Identities {
  users: ReadonlyMap<string, number>;
  groups: ReadonlyMap<string, number>;
}

/** Reads /etc/passwd and /etc/group of a root in the toolbox. */
export async function identitiesOf(toolbox: Toolbox, root: string): Promise<Identities> {
  const read = async (name: string) => (await toolbox.run(['cat', `${root}/etc/${name}`])).stdout;
  return { users: numbersIn(await read('passwd')), groups: numbersIn(await read('group')) };
}

/** The third field by the first, in passwd(5) and group(5) alike. */
function numbersIn(text: string): Map<string, number> {
  const lines = text.split('\n').map((line) => line.split(':'));
  return new Map(lines.filter(({ length }) => length > 2).map(([name, , id]) => [name ?? '', Number(id)]));
}
