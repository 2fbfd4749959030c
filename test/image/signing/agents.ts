import { execa } from 'execa';

/** The agents of gpg that serve a home below a directory. */
export async function agentsIn(dir: string): Promise<string> {
  return (await execa('pgrep', ['--full', '--list-full', `gpg-agent --homedir ${dir}`], { reject: false })).stdout;
}
