import path from 'node:path';
import type { LockedDeb } from '../../deb/package.ts';
import { nameOf } from '../../deb/package.ts';
import { controlRef, dataRef } from '../import/import-deb.ts';
import type { PlanStep } from './plan.ts';

/** An image as a build.ninja has it. */
export interface NinjaImage {
  name: string;
  packages: readonly LockedDeb[];
  /** In order; the last one's ref is the image's. */
  steps: readonly PlanStep[];
  /** Absolute paths of the locks of users and groups, which the maintainer scripts' stages may write. */
  identities: readonly string[];
}

export interface NinjaPlan {
  /** Absolute path of the directory that ninja runs in: all paths are relative to it. */
  from: string;
  /** Absolute path of the build repository. */
  repo: string;
  /** Tells this project's pool from another's in one build. */
  id: string;
  /** Runs lockstep in the project. */
  argv: readonly string[];
  /** Flags of its builds. */
  flags: readonly string[];
  /** What `lockstep ninja` was told, to write the file again. */
  again: { argv: readonly string[]; file: string; depfile: string };
  images: readonly NinjaImage[];
}

/** By it a file is known to be lockstep's own, to be written over. */
export const firstLine = '# Written by `lockstep ninja`, which writes it over.';

/**
 * The text of a build.ninja (https://ninja-build.org/manual.html). Files of refs are its targets: each exists when what it
 * names is whole, since ostree makes it last.
 */
export function ninjaFile(plan: NinjaPlan): string {
  const { again } = plan;
  const to = (file: string) => ninjaPath(path.relative(plan.from, file) || '.');
  const ref = (name: string) => `$lockstep_refs/${ninjaPath(name)}`;
  return `${[
    [firstLine, '# Each target is the file of a ref in the build repository.', 'ninja_required_version = 1.7'].join(
      '\n',
    ),
    rules(plan),
    ...debEdges(plan.images, ref),
    ...withoutTwins(plan.images.flatMap((image) => stepEdges(image, ref, to))),
    `build ${to(again.file)}: lockstep_write\n  depfile = ${to(again.depfile)}`,
  ].join('\n\n')}\n`;
}

/** One lockstep at a time works in a project, and it is one that imports all debs of an image at once. */
function rules({ from, repo, argv, flags, again, id }: NinjaPlan): string {
  const refs = path.relative(from, path.join(repo, 'refs/heads'));
  const there = (kind: string) => `test -e "$lockstep_refs/dpkg/${kind}/$sha256"`;
  const build = ['$lockstep build', ...flags.map((flag) => ninjaText(shellCommand([flag]))), '--image $image'].join(
    ' ',
  );
  const pool = `lockstep_${id}`;
  const restat = ['restat = 1', `pool = ${pool}`];
  return [
    `lockstep = ${ninjaText(shellCommand(argv))}\nlockstep_refs = ${ninjaText(refs)}`,
    block(`pool ${pool}`, ['depth = 1']),
    block('rule lockstep_import', [
      `command = ${there('data')} && ${there('control')} || ${build} --until import`,
      'description = import $deb',
      ...restat,
    ]),
    block('rule lockstep_stage', [
      `command = ${build} --until $stage --plan $plan`,
      'description = $stage $image',
      ...restat,
    ]),
    block('rule lockstep_image', [`command = ${build} --plan $plan`, 'description = finalize $image', ...restat]),
    block('rule lockstep_write', [
      `command = ${ninjaText(shellCommand(again.argv))}`,
      'description = write $out',
      'generator = 1',
      `pool = ${pool}`,
    ]),
  ].join('\n\n');
}

/** A deb that several images have is imported for the first of them. */
function debEdges(images: readonly NinjaImage[], ref: (name: string) => string): string[] {
  const debs = new Map(
    images.toReversed().flatMap(({ name, packages }) => packages.map((deb) => [deb.sha256, { name, deb }])),
  );
  return [...debs.values()].map(({ name, deb }) => {
    const variables = [`sha256 = ${deb.sha256}`, `image = ${name}`, `deb = ${ninjaText(nameOf(deb))}`];
    return block(`build ${ref(dataRef(deb))} ${ref(controlRef(deb))}: lockstep_import`, variables);
  });
}

interface Edge {
  output: string;
  text: string;
}

/** Images with the same packages share their first stages, and ninja wants one way to each target. */
function withoutTwins(edges: readonly Edge[]): string[] {
  const known = new Set<string>();
  const first = edges.filter(({ output }) => !known.has(output) && known.add(output));
  return first.map(({ text }) => text);
}

function stepEdges({ name, packages, steps, identities }: NinjaImage, ref: Path, to: Path): Edge[] {
  const last = steps.findLastIndex(({ stop }) => stop === 'configure' || stop === 'customise');
  const locks = identities.map(to).join(' ');
  const edges = steps.flatMap(({ stop, ref: own, digest }, index) => {
    const before = steps[index - 1];
    const debs = packages.flatMap((deb) => [ref(dataRef(deb)), ref(controlRef(deb))]);
    const inputs = before === undefined ? debs : [ref(before.ref), ...(last >= 0 && index > last ? [locks] : [])];
    const variables = [...(stop === null ? [] : [`stage = ${stop}`]), `image = ${name}`, `plan = ${digest}`];
    const output = ref(own);
    const rule = `lockstep_${stop === null ? 'image' : 'stage'}`;
    const edge = { output, text: block(`build ${output}: ${rule} | ${inputs.join(' ')}`, variables) };
    // They are there, or that stage makes them; others than lockstep change them too.
    return index === last ? [edge, { output: locks, text: `build ${locks}: phony ${output}` }] : [edge];
  });
  const whole = steps.at(-1)?.ref ?? '';
  return [...edges, { output: whole, text: `build ${ninjaPath(whole)}: phony ${ref(whole)}` }];
}

type Path = (name: string) => string;

/** For make's form of dependencies, as ninja reads it: what the file itself was made from. */
export function depfile({ from, again }: Pick<NinjaPlan, 'from' | 'again'>, inputs: readonly string[]): string {
  const escaped = (file: string) =>
    path
      .relative(from, file)
      .replace(/[\\ #]/g, '\\$&')
      .replace(/\$/g, '$$$$');
  return `${escaped(again.file)}: ${inputs.map(escaped).join(' \\\n  ')}\n`;
}

function block(head: string, variables: readonly string[]): string {
  return [head, ...variables.map((variable) => `  ${variable}`)].join('\n');
}

function ninjaText(text: string): string {
  return text.replace(/\$/g, '$$$$');
}

function ninjaPath(file: string): string {
  return file.replace(/[$ :]/g, '$$$&');
}

/** One line for sh(1). */
export function shellCommand(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}
