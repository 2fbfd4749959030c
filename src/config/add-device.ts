import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, type Node, type Pair, parseDocument, stringify, type YAMLMap } from 'yaml';
import { LockstepError } from '../errors/index.ts';

/** What is written for a device; what is null is left out. */
export interface NewDevice {
  host: string;
  port: number | null;
  user: string | null;
  hostKey: string;
  image: string | null;
}

/**
 * The text of lockstep.yml with one device more, every other byte as it was: comments, order and layout are the user's.
 * The new entry stands after the last device. Throws E_CONFIG_VALUE when the text has no place for it.
 */
export function withDevice(text: string, name: string, device: NewDevice): string {
  const entry = Object.fromEntries(Object.entries(device).filter(([, value]) => value !== null));
  const [at, inserted] = insertion(text, name, entry);
  const result = text.slice(0, at) + inserted + text.slice(at);
  const before = (parseDocument(text).toJS() ?? {}) as { devices?: object };
  const expected = { ...before, devices: { ...before.devices, [name]: entry } };
  const after = parseDocument(result);
  if (after.errors.length === 0 && isDeepStrictEqual(after.toJS(), expected)) return result;
  throw new LockstepError('E_CONFIG_VALUE', `cannot add ${name} to \`devices:\` without rewriting lockstep.yml`, {
    hint: `Write it by hand: ${flow(name, entry)}`,
  });
}

/** Where the entry goes, and its text. */
function insertion(text: string, name: string, entry: object): [at: number, inserted: string] {
  const line = flow(name, entry);
  const pair = topLevel(text, 'devices');
  const end = text.length;
  if (pair === null) return [end, `${lineBreakBefore(text, end)}\ndevices:\n  ${line}\n`];
  const value = pair.value as Node | null;
  if (isMap(value) && value.flow) {
    const brace = (value.range?.[1] ?? 1) - 1;
    return [brace, value.items.length > 0 ? `, ${line}` : line];
  }
  if (isMap(value) && value.items.length > 0) {
    const at = lineAfter(text, endOf(value));
    return [at, `${lineBreakBefore(text, at)}${' '.repeat(indentOf(text, value))}${line}\n`];
  }
  const at = lineAfter(text, (pair.key as Node).range?.[1] ?? 0);
  return [at, `${lineBreakBefore(text, at)}  ${line}\n`];
}

/** `name: {host: …}` on one line, in the style of the documentation. */
function flow(name: string, entry: object): string {
  const fields = Object.entries(entry).map(([key, value]) => `${key}: ${scalar(value)}`);
  return `${scalar(name)}: {${fields.join(', ')}}`;
}

/** Quoted where it has to be; a fingerprint always, as its colon looks like a key's. */
function scalar(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = String(value);
  if (/^[A-Za-z_][A-Za-z0-9._-]*$/.test(text) && stringify(text).trim() === text) return text;
  return JSON.stringify(text);
}

function topLevel(text: string, key: string): Pair | null {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) return null;
  return contents.items.find((pair) => isScalar(pair.key) && pair.key.value === key) ?? null;
}

function indentOf(text: string, map: YAMLMap): number {
  const start = (map.items[0]?.key as Node | undefined)?.range?.[0] ?? 0;
  return start - (text.lastIndexOf('\n', start - 1) + 1);
}

/** Where the last thing in a node ends, before comments that may belong to what follows. */
function endOf(node: Node): number {
  if (isMap(node) && !node.flow) {
    const last = node.items.at(-1);
    const value = (last?.value ?? last?.key) as Node | undefined;
    if (value !== undefined) return endOf(value);
  }
  return node.range?.[1] ?? 0;
}

/** The beginning of the line after `offset`; the end of the text when it is on the last one. */
function lineAfter(text: string, offset: number): number {
  if (offset > 0 && text[offset - 1] === '\n') return offset;
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end + 1;
}

function lineBreakBefore(text: string, at: number): string {
  return at === 0 || text[at - 1] === '\n' ? '' : '\n';
}
