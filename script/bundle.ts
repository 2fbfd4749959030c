import { pathToFileURL } from 'node:url';
import { bundleAgent, committedAgent } from './bundle/bundle.ts';

/** `npm run bundle [FILE]`: builds the agent, by default where it is committed. */
async function main(outfile = committedAgent): Promise<void> {
  const { bytes, warnings } = await bundleAgent(outfile);
  for (const warning of warnings) console.error(warning);
  console.log(`${outfile}: ${(bytes / 1e6).toFixed(2)} MB`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv[2]);
