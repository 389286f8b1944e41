// The action runner: one action of a CI pipeline, start to end. actions.md.
#ifndef ATLAS_RUNNER_H
#define ATLAS_RUNNER_H

#include <signal.h>

#include "atlas/base.h"

typedef struct RunnerWorld {
    const Host *host;
    const volatile sig_atomic_t *cancel;
} RunnerWorld;

// Runs the action named by --action or ATLAS_ACTION. E_SILENT: the error was logged in the platform's
// style already; any other error is wrong use, for the caller to print.
Err *runner_run(int argc, char **argv, const RunnerWorld *w, Arena *mem) MUST_USE;

// --- the manifest: what drives input parsing, --help and all packaging ---------------------------

typedef enum InputKind {
    INPUT_TEXT,
    INPUT_LINES, // one item a line
    INPUT_BOOL,
    INPUT_NUMBER,
    INPUT_CHOICE, // one of `choices`
} InputKind;

typedef struct InputSpec {
    const char *name;
    InputKind kind;
    const char *fallback; // the default, NULL: none
    const char *choices;  // "a,b,c"
    const char *description;
    bool required;
    bool hidden; // read, but not in any packaging
} InputSpec;

typedef struct OutputSpec {
    const char *name;
    bool number;
    const char *description;
} OutputSpec;

typedef struct ActionSpec {
    const char *id;          // "migrate/push"
    const char *title;       // "Migrate Push"
    const char *description;
    const InputSpec *const *inputs; // NULL-terminated, in packaging order
    const OutputSpec *outputs;      // ends with a NULL name
} ActionSpec;

// All actions of this build, ends with a NULL id.
extern const ActionSpec runner_actions[];

// One file of the packaging: path below the repository root and content.
typedef struct PackagingFile {
    const char *path;
    Str content;
} PackagingFile;
typedef LIST(PackagingFile) PackagingFiles;
// action.yml files, GitLab components, the CircleCI orb, the Bitbucket pipe; and, as path
// "README.md#actions", the part of the README between its markers. `image`: "Dockerfile" makes GitHub
// build the container, "docker://registry/name:tag" is a published one. The other platforms take the
// published one, or its sibling registry/name:tag-shell as the default of their `image` input.
PackagingFiles runner_packaging(const char *image, Arena *mem);

#endif
