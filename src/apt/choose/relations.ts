import { compareVersions } from '../version.ts';

export const relationFields = [
  'Replaces',
  'Provides',
  'Depends',
  'Pre-Depends',
  'Recommends',
  'Suggests',
  'Breaks',
  'Conflicts',
  'Enhances',
] as const;

export type RelationField = (typeof relationFields)[number];

/** A package as a relation names it: `libc6:any (>= 2.34)`. */
export interface Relation {
  name: string;
  /** What follows the colon: an architecture or `any`; null when nothing does. */
  architecture: string | null;
  /** Null: any version. */
  version: VersionBound | null;
}

export interface VersionBound {
  operator: '<<' | '<=' | '=' | '>=' | '>>';
  version: string;
}

/**
 * A relation field (deb-control(5)): a list of which each member is a choice of one or more relations. An empty field is
 * an empty list; what is not a relation is passed over, since the archive and dpkg-deb have refused it already.
 */
export function parseRelations(field: string | undefined): Relation[][] {
  const members = (field ?? '').split(',').map((member) => member.trim());
  return members.filter((member) => member !== '').map((member) => member.split('|').flatMap(parseRelation));
}

/** The text that dpkg writes for a relation field, its blanks and operators in the one normal form. */
export function formatRelations(relations: readonly (readonly Relation[])[]): string {
  return relations.map((choice) => choice.map(formatRelation).join(' | ')).join(', ');
}

export function formatRelation({ name, architecture, version }: Relation): string {
  const bound = version === null ? '' : ` (${version.operator} ${version.version})`;
  return `${name}${architecture === null ? '' : `:${architecture}`}${bound}`;
}

/** Whether a version lies within the bound of a relation. */
export function isWithin(version: string, bound: VersionBound | null): boolean {
  if (bound === null) return true;
  const order = compareVersions(version, bound.version);
  if (order === 0) return bound.operator.includes('=');
  return bound.operator.startsWith(order < 0 ? '<' : '>');
}

function parseRelation(text: string): Relation[] {
  const [, name, architecture = null, operator, version] = shape.exec(text) ?? [];
  if (name === undefined) return [];
  return [{ name, architecture, version: version === undefined ? null : { operator: operatorOf(operator), version } }];
}

const shape = /^\s*([^\s:(]+)(?::([^\s(]+))?\s*(?:\(\s*(<<|<=|<|>>|>=|>|=|)\s*([^\s)]+)\s*\)\s*)?$/;

/** `<` and `>` are old names of `<=` and `>=`, and nothing one of `=` (dpkg, lib/dpkg/fields.c). */
function operatorOf(written: string | undefined): VersionBound['operator'] {
  if (written === '<') return '<=';
  if (written === '>') return '>=';
  return (written || '=') as VersionBound['operator'];
}
