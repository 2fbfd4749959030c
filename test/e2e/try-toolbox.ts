// Opens the toolbox that the arguments name and prints how that went, as JSON.
import type { LockstepError } from '../../src/errors/index.ts';
import { silent } from '../../src/progress/progress.ts';
import type { ToolboxChoice } from '../../src/toolbox/choose.ts';
import { openFor } from './toolboxes.ts';

const [root = '', choice = 'auto'] = process.argv.slice(2);
const notes: string[] = [];
const progress = { ...silent, note: (text: string) => void notes.push(text) };
try {
  const toolbox = await openFor(root, choice as ToolboxChoice, undefined, progress);
  await toolbox.close();
  console.log(JSON.stringify({ kind: toolbox.kind, notes }));
} catch (error) {
  const { code, message, hint } = error as LockstepError;
  console.log(JSON.stringify({ code, message, hint, notes }));
}
