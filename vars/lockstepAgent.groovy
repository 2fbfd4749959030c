import groovy.json.JsonSlurperClassic

/**
 * Runs one verb of the agent and makes its outcome the build's. The other steps of this library are made of it.
 *
 *   step      name of the step that was called, for messages
 *   verb      the agent's verb
 *   given     the parameters that the step was called with
 *   flags     names of parameters that the verb takes as flags, beside image and toolbox
 *   publish   'always': JUnit files and artifacts of the run are published; 'failure': JUnit files only if it failed, for
 *             a verb whose cases the next one tells again (default: nothing is published)
 *   bindings  credentials to bind while the agent runs (default: none)
 *   without   names of parameters that other steps have and this one has not: image or toolbox (default: none)
 *   own       names of parameters that the step itself uses (default: none)
 *
 * Returns what the agent printed with --json, as a map.
 */
def call(Map how) {
    Map given = how.given ?: [:]
    List flags = (['image', 'toolbox'] - (how.without ?: [])) + (how.flags ?: [])
    String problem = lockstepParameters(how.step, given, ['dir', 'node', 'lock'] + flags + (how.own ?: []))
    if (problem) {
        error(problem)
    }
    def outcome = null
    def body = { outcome = onNode(how, given, flags) }
    // Before an executor is taken: a build that waits for a device must not keep a machine from others.
    if (given.lock) {
        lock(lockOf(given.lock)) { body() }
    } else {
        body()
    }
    return outcome
}

Map onNode(Map how, Map given, List flags) {
    if (!given.node) {
        return perform(how, given, flags)
    }
    def outcome = null
    node(given.node) {
        checkout(scm)
        outcome = perform(how, given, flags)
    }
    return outcome
}

Map perform(Map how, Map given, List flags) {
    if (!isUnix()) {
        error("${how.step} needs a Linux node: ${env.NODE_NAME} is not one")
    }
    // The patterns of junit and archiveArtifacts do not know './'.
    String below = "${given.dir ?: '.'}/".replaceAll('/+', '/').replaceFirst('^(\\./)+', '')
    String home = "${below}.lockstep/agent"
    install(home)
    String answer = "${home}/outcome.json"
    String command = commandOf(how.verb, given, flags, home, answer)
    int status = 1
    if (how.bindings) {
        withCredentials(how.bindings) { status = sh(script: command, label: "lockstep ${how.verb}", returnStatus: true) }
    } else {
        status = sh(script: command, label: "lockstep ${how.verb}", returnStatus: true)
    }
    Map outcome = parse(readFile(file: answer, encoding: 'UTF-8'))
    if (how.publish && hasNewResults(below, home)) {
        if (how.publish == 'always' || status != 0) {
            junit(testResults: "${below}.lockstep/run/junit/*.xml", allowEmptyResults: true)
        }
        archiveArtifacts(artifacts: "${below}.lockstep/run/**", allowEmptyArchive: true)
    }
    conclude(how.verb, status, outcome)
    return outcome
}

/** The text is never held in a variable: it would be saved with the build, and it is long. */
void install(String home) {
    writeFile(file: "${home}/agent.mjs", encoding: 'UTF-8',
        text: libraryResource(resource: 'lockstep/agent.mjs', encoding: 'UTF-8'))
    writeFile(file: "${home}/.gitignore", text: '*\n')
    writeFile(file: "${home}/started", text: '')
}

/** The workspace keeps the results of the last run, which another build has published. */
boolean hasNewResults(String below, String home) {
    return 0 == sh(script: "test ${quoted(below + '.lockstep/run/result.json')} -nt ${quoted(home + '/started')}",
        label: 'Are there new results?', returnStatus: true)
}

void conclude(String verb, int status, Map outcome) {
    if (!outcome) {
        error("lockstep ${verb} ended with exit ${status} and no answer: is Node 20 on the PATH of ${env.NODE_NAME}?")
    }
    String line = outcome.message.readLines()[0]
    currentBuild.description = currentBuild.description ? "${currentBuild.description}\n${line}" : line
    if (status == 3) {
        unstable("lockstep ${verb}: ${outcome.message}")
    } else if (status != 0) {
        error("lockstep ${verb}: ${outcome.code}: ${outcome.message}${outcome.hint ? "\n  hint: ${outcome.hint}" : ''}")
    }
}

@NonCPS
String commandOf(String verb, Map given, List flags, String home, String answer) {
    List words = ['node', "${home}/agent.mjs", verb, '--json', '-C', given.dir ?: '.']
    for (name in flags) {
        def value = given[name]
        String flag = '--' + name.replaceAll('([A-Z])', '-$1').toLowerCase()
        if (value == true) {
            words << flag
        } else if (value) {
            for (item in (value instanceof Collection ? value : [value])) {
                words << flag << item
            }
        }
    }
    return words.collect { quoted(it.toString()) }.join(' ') + " > ${quoted(answer)}"
}

@NonCPS
String quoted(String word) {
    return word ==~ /[A-Za-z0-9_.,:=@\/+-]+/ ? word : "'" + word.replace("'", "'\\''") + "'"
}

/** Slurped into plain maps and lists, which can be saved with the build; empty when the agent printed nothing. */
@NonCPS
Map parse(String text) {
    return text.trim() ? new JsonSlurperClassic().parseText(text) : [:]
}

@NonCPS
Map lockOf(wanted) {
    if (wanted instanceof Map) {
        return wanted
    }
    List names = wanted instanceof Collection ? wanted as List : [wanted]
    return [resource: names[0], extra: names.drop(1).collect { [resource: it] }]
}
