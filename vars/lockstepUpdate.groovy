/**
 * lockstepUpdate: resolves the packages of the images anew and writes their lockfiles.
 *
 *   dir                 directory of lockstep.yml, relative to the workspace (default: the workspace)
 *   image               name or list of names (default: all)
 *   check               true: write nothing, fail when a lockfile is out of date or a pin has expired (default: false)
 *   only                package or list of packages to update, with what they need, all others staying (default: all)
 *   minimumAge          how old versions must be, such as '3d' or '0s' (default: what lockstep.yml says)
 *   withoutSuite        suite or list of suites to leave out while the mirror serves them half updated (default: none)
 *   allowExpired        suite or list of suites to take though past their day: fixes since may be missing (default: none)
 *   allowSuiteRollback  suite or list of suites to take though older than before: holes may be open again (default: none)
 *   toolbox             'auto', 'docker' or 'host' (default: auto)
 *   node                label of a node to take for it, with a checkout (default: the node at hand)
 *   lock                resource or list of resources to lock first, or a map for the step lock (default: none)
 *
 * Returns the agent's outcome as a map: `outcome` is 'ok' or 'unchanged', `images` lists the changes and what waits for its age.
 */
def call(Map given = [:]) {
    return lockstepAgent(step: 'lockstepUpdate', verb: 'update', given: given,
        flags: ['check', 'only', 'minimumAge', 'withoutSuite', 'allowExpired', 'allowSuiteRollback'])
}
