import type { ErrorEntry } from '../entry.ts';

/** The command line, lockstep.yml, and what they name. */
export const configurationCodes = {
  E_USAGE: {
    exit: 2,
    meaning: 'The command line is wrong: an unknown verb or flag, or a missing argument.',
    remedy: 'Run `lockstep --help` or `lockstep VERB --help`.',
  },
  E_CONFIG_MISSING: {
    exit: 2,
    meaning: 'There is no lockstep.yml in the directory that lockstep was told to work in.',
    remedy: 'Change to the directory that has it, name it with `-C DIR`, or write one with `lockstep init`.',
  },
  E_CONFIG_SYNTAX: {
    exit: 2,
    meaning: 'lockstep.yml is not valid YAML.',
    remedy: 'Look at the line named; indentation by spaces and unclosed quotes are the usual causes.',
  },
  E_CONFIG_KEY: {
    exit: 2,
    meaning: 'lockstep.yml has a key that lockstep does not know, or lacks one that it needs.',
    remedy: 'Correct the key at the line named; `lockstep init --schema` prints the JSON Schema for editors.',
  },
  E_CONFIG_VALUE: {
    exit: 2,
    meaning: 'A value in lockstep.yml is of the wrong kind, or names something that does not exist.',
    remedy: 'Correct the value at the line named.',
  },
  E_NO_SUCH_IMAGE: {
    exit: 2,
    meaning: 'An image was named that lockstep.yml does not define.',
    remedy: 'Use one of the names under `images:`.',
  },
  E_NO_SUCH_DEVICE: {
    exit: 2,
    meaning: 'A device or label was named that lockstep.yml does not define.',
    remedy: 'Use one of the names or labels under `devices:`.',
  },
  E_TESTS_MISSING: {
    exit: 2,
    meaning: 'The directory of device tests is missing or holds no executable file.',
    remedy: 'Create the directory that `tests.dir` names and `chmod +x` the tests in it.',
  },
} satisfies Record<string, ErrorEntry>;
