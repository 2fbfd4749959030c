import path from 'node:path';
import { type Alias, type Document, isMap, isPair, isScalar, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { LockstepError } from '../errors/index.ts';

/** A path of keys and indices into the document. */
export type KeyPath = readonly PropertyKey[];

/** A parsed YAML file that can tell the line of each of its keys and values. */
export interface Source {
  /** As messages name it. */
  file: string;
  /** Absolute; what relative paths in the file start from. */
  directory: string;
  value: unknown;
  /** `lockstep.yml:7` of the key at `keyPath`, or of the nearest thing above it that exists. */
  locate(keyPath: KeyPath): string;
}

export function parseSource(file: string, text: string): Source {
  const lines = new LineCounter();
  const label = path.basename(file);
  const document = parsed(text, lines, label);
  const at = (offset: number) => `${label}:${lines.linePos(offset).line}`;
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    throw new LockstepError('E_CONFIG_SYNTAX', `${at(problem.pos[0])}: ${problem.message}`);
  }
  return {
    file: label,
    directory: path.dirname(file),
    value: plainValue(document, at),
    locate: (keyPath) => at(offsetOf(document.contents, keyPath)),
  };
}

/** The parser calls itself for what is nested, as often as somebody or something wrote it. */
function parsed(text: string, lineCounter: LineCounter, label: string): Document.Parsed {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new LockstepError('E_CONFIG_SYNTAX', `${label}:1: it is nested too deeply`, { cause });
  }
}

/** Aliases are followed here: one may name nothing, or so much that it was not meant. */
function plainValue(document: Document.Parsed, at: (offset: number) => string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const aliases: Alias[] = [];
    visit(document, { Alias: (_key, alias) => void aliases.push(alias) });
    const culprit = aliases.find((alias) => alias.resolve(document) === undefined) ?? aliases[0];
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new LockstepError('E_CONFIG_SYNTAX', `${at(culprit?.range?.[0] ?? 0)}: ${message}`, { cause });
  }
}

function offsetOf(root: Node | null, keyPath: KeyPath): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const step of keyPath) {
    const next = childAt(node, step);
    if (next === null) break;
    offset = next.offset;
    node = next.value;
  }
  return offset;
}

function childAt(node: unknown, step: PropertyKey): { value: unknown; offset: number } | null {
  if (isMap(node)) {
    const pair = node.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step),
    );
    const key = pair?.key as Node | undefined;
    return pair === undefined ? null : { value: pair.value, offset: key?.range?.[0] ?? 0 };
  }
  if (typeof node === 'object' && node !== null && 'items' in node && Array.isArray(node.items)) {
    const item: Node | undefined = node.items[Number(step)];
    return item === undefined ? null : { value: item, offset: item.range?.[0] ?? 0 };
  }
  return null;
}
