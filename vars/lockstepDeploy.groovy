/**
 * lockstepDeploy: makes the devices run the commits that were built, and proves that they do.
 *
 *   dir      directory of lockstep.yml, relative to the workspace (default: the workspace)
 *   image    name or list of names (default: all)
 *   device   name or list of names (default: all)
 *   label    only devices with this label
 *   commit   commit or ref to deploy (default: the image's own)
 *   toolbox  'auto', 'docker' or 'host' (default: auto)
 *   node     label of a node to take for it, with a checkout (default: the node at hand)
 *   lock     device or list of devices to lock first, or a map for the step lock (default: none)
 *
 * FAILURE when a device does not run its commit afterwards. Returns the agent's outcome as a map: `devices` lists the
 * verdicts.
 */
def call(Map given = [:]) {
    return lockstepAgent(step: 'lockstepDeploy', verb: 'deploy', given: given,
        flags: ['device', 'label', 'commit'], publish: 'failure')
}
