import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilerConfiguration

/*
 * Runs a pipeline script with this library's steps as Jenkins loads them (each file of vars/ a script with the binding
 * of the pipeline) and every other step recorded. `sh` runs for real, in the workspace.
 *
 *   groovy harness.groovy SPEC RESULT
 *
 * SPEC:   {vars, resources, workspace: directories; pipeline: file; env: {…}; causes: […]; onNode,
 *          unix, interrupted: bool}
 * RESULT: {calls: [{step, args}], returned, error: {type, message} or null, description, result}
 */

/** Jenkins imports its own of this name into every pipeline. */
@interface NonCPS {}

class FlowInterruptedException extends Exception {
    FlowInterruptedException() { super('Aborted by somebody') }
}

class StepFailure extends Exception {
    StepFailure(String message) { super(message) }
}

class Jenkins {
    Map spec
    List calls = []
    List<File> directories
    Expando build = new Expando(description: null, result: null, getBuildCauses: { kind -> spec.causes ?: [] })
    Map environment
    List<Map> bound = []

    Jenkins(Map spec) {
        this.spec = spec
        directories = [new File(spec.workspace)]
        environment = [:] + spec.env
        if (spec.onNode) environment.NODE_NAME = 'node-at-hand'
    }

    File file(String name) { new File(directories.last(), name) }

    /** JSON cannot hold closures: a body is recorded by its steps, which follow. */
    def record(String step, args) {
        def shown = args instanceof Map ? args.collectEntries { k, v -> [k, "$v".size() > 2000 ? "${"$v".size()} letters" : v] } : args
        calls << [step: step, args: shown, node: environment.NODE_NAME]
    }

    def within(Closure change, Closure restore, Closure body) {
        change()
        try { body() } finally { restore() }
    }

    Map steps() {
        Map steps = [
            sh: { args -> sh(args instanceof Map ? args : [script: args]) },
            isUnix: { -> spec.unix },
            error: { message -> record('error', "$message"); throw new StepFailure("$message") },
            unstable: { message -> record('unstable', "$message"); build.result = 'UNSTABLE' },
            libraryResource: { Map args -> new File(spec.resources, args.resource).getText(args.encoding) },
            writeFile: { Map args ->
                record('writeFile', [file: args.file])
                file(args.file).with { parentFile.mkdirs(); setText(args.text, args.encoding ?: 'UTF-8') }
            },
            readFile: { Map args -> file(args.file).getText(args.encoding) },
            fileExists: { name -> file(name).exists() },
            deleteDir: { -> record('deleteDir', directories.last().path - "${spec.workspace}/"); directories.last().deleteDir() },
            dir: { String name, Closure body ->
                within({ directories << file(name) }, { directories.remove(directories.size() - 1) }, body)
            },
            node: { String label = '', Closure body ->
                record('node', label)
                def before = environment.NODE_NAME
                within({ environment.NODE_NAME = "node-$label" }, { environment.NODE_NAME = before }, body)
            },
            lock: { Map args, Closure body -> record('lock', args); body() },
            stage: { String name, Closure body -> record('stage', name); body() },
            timeout: { Map args, Closure body -> record('timeout', args); body() },
            withCredentials: { List bindings, Closure body ->
                record('withCredentials', bindings)
                within({ bound.addAll(bindings) }, { bound.clear() }, body)
            },
        ]
        for (name in ['junit', 'archiveArtifacts', 'checkout', 'properties', 'library', 'echo']) {
            String step = name
            steps[step] = { args -> record(step, args) }
        }
        // What only describes something for the step around it.
        for (name in ['usernamePassword', 'gitUsernamePassword', 'pipelineTriggers', 'cron', 'legacySCM', 'disableConcurrentBuilds', 'buildDiscarder', 'logRotator']) {
            String kind = name
            steps[kind] = { args = null -> [kind: kind, args: args] }
        }
        steps
    }

    def sh(Map args) {
        record('sh', args + [script: "${args.script}".toString()])
        if (spec.interrupted) throw new FlowInterruptedException()
        if (environment.NODE_NAME == null) throw new StepFailure('sh needs a node')
        def builder = new ProcessBuilder('sh', '-xe', '-c', args.script.toString()).directory(directories.last())
        environment.each { name, value -> builder.environment()[name] = value.toString() }
        bound.findAll { it.kind == 'usernamePassword' }.each {
            builder.environment()[it.args.usernameVariable] = 'bound-user'
            builder.environment()[it.args.passwordVariable] = 'bound-password'
        }
        builder.redirectInput(ProcessBuilder.Redirect.from(new File('/dev/null')))
        builder.redirectError(ProcessBuilder.Redirect.INHERIT)
        def process = builder.start()
        String output = process.inputStream.text
        int status = process.waitFor()
        if (args.returnStatus) return status
        if (status != 0) throw new StepFailure("script returned exit code $status")
        return args.returnStdout ? output : null
    }
}

def spec = new JsonSlurper().parse(new File(args[0]))
def jenkins = new Jenkins(spec)
def binding = new Binding(jenkins.steps() + [env: jenkins.environment, currentBuild: jenkins.build, scm: 'scm', params: [:]])
def shell = new GroovyShell(getClass().classLoader, binding, new CompilerConfiguration())
new File(spec.vars).eachFileMatch(~/.*\.groovy/) { source ->
    def script = shell.parse(source)
    binding.setVariable(source.name - '.groovy', { Object... given -> script.invokeMethod('call', given) })
}
def returned = null
Throwable failure = null
try {
    returned = shell.parse(new File(spec.pipeline)).run()
    // What a step returns is saved with the build: it must be made of plain maps and lists.
    new ObjectOutputStream(new ByteArrayOutputStream()).writeObject(returned)
} catch (Throwable thrown) {
    failure = thrown
}
new File(args[1]).text = JsonOutput.toJson([
    calls: jenkins.calls,
    returned: returned instanceof Map ? returned : null,
    error: failure == null ? null : [type: failure.class.simpleName, message: failure.message],
    description: jenkins.build.description,
    result: jenkins.build.result,
])
