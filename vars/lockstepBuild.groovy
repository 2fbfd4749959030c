/**
 * lockstepBuild: builds the ostree commits that the lockfiles pin. What is built already is not built again as long as
 * the workspace keeps its `.lockstep`.
 *
 *   dir      directory of lockstep.yml, relative to the workspace (default: the workspace)
 *   image    name or list of names (default: all)
 *   toolbox  'auto', 'docker' or 'host' (default: auto)
 *   node     label of a node to take for it, with a checkout (default: the node at hand)
 *   lock     resource or list of resources to lock first, or a map for the step lock (default: none)
 *
 * Returns the agent's outcome as a map: `images` lists ref and commit of each.
 */
def call(Map given = [:]) {
    return lockstepAgent(step: 'lockstepBuild', verb: 'build', given: given)
}
