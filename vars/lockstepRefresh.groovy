/**
 * lockstepRefresh: the nightly job. Updates the lockfiles on top of the base branch, judges the result by the gate of
 * lockstep.yml, and pushes it to the refresh branch. Needs a checkout without changes, and git's leave to push.
 *
 *   dir             directory of lockstep.yml, relative to the workspace (default: the workspace)
 *   image           name or list of names (default: all)
 *   only            package or list of packages to update, with what they need, all others staying (default: all)
 *   minimumAge      how old versions must be, such as '3d' or '0s' (default: what lockstep.yml says)
 *   author          author of the commit, 'Name <mail@host>' (default: git's configuration)
 *   credentials     id of a user name and API token for the controller of a Jenkins gate (default: none)
 *   gitCredentials  id of a user name and password for git over HTTPS; for ssh, wrap the step in sshagent (default: none)
 *   toolbox         'auto', 'docker' or 'host' (default: auto)
 *   node            label of a node to take for it, with a checkout (default: the node at hand)
 *   lock            device or list of devices to lock first, or a map for the step lock (default: none)
 *
 * UNSTABLE when tests of the gate failed, FAILURE when it could not be done; in both cases nothing is pushed. Returns
 * the agent's outcome as a map: `outcome` is 'unchanged' when there was nothing to do, `commit` is what was pushed.
 */
def call(Map given = [:]) {
    List bindings = []
    if (given.credentials) {
        bindings << usernamePassword(credentialsId: given.credentials,
            usernameVariable: 'LOCKSTEP_JENKINS_USER', passwordVariable: 'LOCKSTEP_JENKINS_TOKEN')
    }
    if (given.gitCredentials) {
        bindings << gitUsernamePassword(credentialsId: given.gitCredentials)
    }
    return lockstepAgent(step: 'lockstepRefresh', verb: 'refresh', given: given, flags: ['author', 'only', 'minimumAge'],
        own: ['credentials', 'gitCredentials'], bindings: bindings, publish: 'always')
}
