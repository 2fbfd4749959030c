/**
 * lockstep: builds the images, deploys them to the devices and runs the device tests; one report. The lockfiles stay as
 * they are: lockstepUpdate and lockstepRefresh change those.
 *
 *   dir      directory of lockstep.yml, relative to the workspace (default: the workspace)
 *   image    name or list of names (default: all)
 *   device   name or list of names (default: all)
 *   label    only devices with this label
 *   toolbox  'auto', 'docker' or 'host' (default: auto)
 *   node     label of a node to take for it, with a checkout (default: the node at hand)
 *   lock     device or list of devices to lock first, or a map for the step lock (default: none)
 *
 * UNSTABLE when tests failed on a device, FAILURE when it could not be done. Publishes JUnit, artifacts and a
 * description of the build. Returns the agent's outcome as a map.
 */
def call(Map given = [:]) {
    return lockstepAgent(step: 'lockstep', verb: 'run', given: given,
        flags: ['device', 'label'], publish: 'always')
}
