/**
 * lockstepGc: removes from the workspace's `.lockstep` what neither the lockfiles of git revisions nor the last commits need.
 *
 *   dir          directory of lockstep.yml, relative to the workspace (default: the workspace)
 *   keepRev      git revision or list of them whose lockfiles' debs stay, beside the work tree's (default: HEAD)
 *   keepCommits  number of the last commits of each image, and of the last states of its lockfile, that stay (default: 3)
 *   dryRun       true: tell what would be removed, and remove nothing (default: false)
 *   toolbox      'auto', 'docker' or 'host' (default: auto)
 *   node         label of a node to take for it, with a checkout (default: the node at hand)
 *   lock         resource or list of resources to lock first, or a map for the step lock (default: none)
 *
 * Returns the agent's outcome as a map: `bytes` is the disk space that came free.
 */
def call(Map given = [:]) {
    return lockstepAgent(step: 'lockstepGc', verb: 'gc', given: given, without: ['image'],
        flags: ['keepRev', 'keepCommits', 'dryRun'])
}
