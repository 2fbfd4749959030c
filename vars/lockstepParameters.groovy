/**
 * Says what is wrong with the parameters that a step was given; null when nothing is. For the other steps of this
 * library.
 *
 *   step      name of the step
 *   given     the parameters
 *   accepted  names of those that the step has
 */
@NonCPS
String call(String step, Map given, List accepted) {
    for (name in given.keySet()) {
        if (!(name in accepted)) {
            String near = accepted.min { distance(name.toString(), it) }
            String meant = distance(name.toString(), near) <= 3 ? "did you mean '${near}'?" : "it has: ${accepted.sort().join(', ')}"
            return "${step} has no parameter '${name}': ${meant}"
        }
    }
    if (given.dir?.toString()?.startsWith('/') || '..' in (given.dir ?: '').toString().split('/')) {
        return "${step}: dir '${given.dir}' must lie in the workspace and be relative to it"
    }
    return null
}

/** Levenshtein's: how many letters to change, add or drop. */
@NonCPS
int distance(String a, String b) {
    List row = (0..b.size()).toList()
    for (int i = 1; i <= a.size(); i++) {
        List next = [i]
        for (int j = 1; j <= b.size(); j++) {
            next << [row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)].min()
        }
        row = next
    }
    return row[b.size()]
}
