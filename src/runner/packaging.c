// Writes what the CI platforms consume from the manifest: action.yml files, the GitLab components,
// the CircleCI orb, the Bitbucket pipe, and README's tables.
#include "atlas/runner.h"

#define GENERATED "# Generated from the manifest by `make packaging`; do not edit.\n"

typedef struct Writer {
    PackagingFiles *files;
    const char *image;     // of the GitHub actions: "Dockerfile" or "docker://NAME:TAG"
    const char *published; // the same by its bare name, for platforms that cannot build
    const char *shell;     // its sibling with a shell (Dockerfile, target shell)
    Arena *mem;
} Writer;

static void add_file(Writer *w, const char *path, const Buf *text) {
    list_push(w->files, w->mem, (PackagingFile){path, buf_view(text)});
}

// A YAML double-quoted scalar.
static char *quoted(Arena *mem, const char *text) {
    Buf out;
    buf_init(&out, mem, 64 << 10);
    json_write_string(&out, str_from(text), JSON_PLAIN);
    return out.ptr;
}

static char *with_separator(Arena *mem, const char *id, const char *separator) {
    return cstr_replace(mem, id, "/", separator);
}

// Checks the token ahead of other steps. GitLab's components do without: each job checks its own.
static bool is_setup(const ActionSpec *a) {
    return cstr_eq(a->id, "setup");
}

static bool is_listed(const InputSpec *s) {
    return !s->hidden;
}

static char *snake(Arena *mem, const char *name) {
    return cstr_replace(mem, cstr_replace(mem, name, "-", "_"), "/", "_");
}

static char *variable(Arena *mem, const char *name) {
    return arena_printf(mem, "ATLAS_INPUT_%s", cstr_upper(mem, snake(mem, name)));
}

// --- GitHub -------------------------------------------------------------------------------------

static void github_input(Buf *out, const InputSpec *s, bool with_default, Arena *mem) {
    buf_printf(out, "  %s:\n    description: %s\n", s->name, quoted(mem, s->description));
    buf_printf(out, "    required: %s\n", s->required && with_default ? "true" : "false");
    if (s->fallback && with_default)
        buf_printf(out, "    default: %s\n", quoted(mem, s->fallback));
}

static void github_action(Writer *w, const ActionSpec *a) {
    Buf out;
    buf_init(&out, w->mem, 1 << 20);
    buf_printf(&out,
               GENERATED "name: %s\ndescription: %s\nauthor: atlas-action\n"
                         "branding: { icon: database, color: blue }\ninputs:\n",
               quoted(w->mem, a->title), quoted(w->mem, a->description));
    for (size_t i = 0; a->inputs[i]; i++)
        if (is_listed(a->inputs[i]))
            github_input(&out, a->inputs[i], true, w->mem);
    if (a->outputs->name)
        buf_str(&out, "outputs:\n");
    for (const OutputSpec *o = a->outputs; o->name; o++)
        buf_printf(&out, "  %s:\n    description: %s\n", o->name, quoted(w->mem, o->description));
    // A Dockerfile is named from the action's own folder.
    bool relative = !strstr(w->image, "://");
    StrList parts = cstr_split(w->mem, a->id, '/');
    buf_str(&out, "runs:\n  using: docker\n  image: ");
    if (relative) {
        buf_repeat(&out, "../", parts.len + 1);
        buf_printf(&out, "%s\n", w->image);
    } else {
        buf_printf(&out, "%s\n", w->image);
    }
    buf_printf(&out, "  args: [--action, %s]\n", a->id);
    add_file(w, arena_printf(w->mem, "action/%s/action.yml", a->id), &out);
}

static bool seen_before(const ActionSpec *until, const char *name) {
    for (const ActionSpec *a = runner_actions; a != until; a++)
        for (size_t i = 0; a->inputs[i]; i++)
            if (cstr_eq(a->inputs[i]->name, name))
                return true;
    return false;
}

static bool output_seen(const ActionSpec *until, const char *name) {
    for (const ActionSpec *a = runner_actions; a != until; a++)
        for (const OutputSpec *o = a->outputs; o->name; o++)
            if (cstr_eq(o->name, name))
                return true;
    return false;
}

// One action.yml for all: the union of the inputs, without defaults (the binary has them).
static void github_root(Writer *w) {
    Buf out;
    buf_init(&out, w->mem, 1 << 20);
    buf_str(&out,
            GENERATED "name: atlas-action\n"
                      "description: Database changes in CI/CD that go out on the worst day\n"
                      "author: atlas-action\nbranding: { icon: database, color: blue }\ninputs:\n"
                      "  action:\n    description: \"The action to run, such as migrate/push.\"\n"
                      "    required: true\n");
    for (const ActionSpec *a = runner_actions; a->id; a++)
        for (size_t i = 0; a->inputs[i]; i++)
            if (is_listed(a->inputs[i]) && !seen_before(a, a->inputs[i]->name))
                github_input(&out, a->inputs[i], false, w->mem);
    buf_str(&out, "outputs:\n");
    for (const ActionSpec *a = runner_actions; a->id; a++)
        for (const OutputSpec *o = a->outputs; o->name; o++)
            if (!output_seen(a, o->name))
                buf_printf(&out, "  %s:\n    description: %s\n", o->name,
                           quoted(w->mem, o->description));
    buf_printf(&out,
               "runs:\n  using: docker\n  image: %s\n"
               "  args: [--action, \"${{ inputs.action }}\"]\n",
               w->image);
    add_file(w, "action.yml", &out);
}

// --- GitLab -------------------------------------------------------------------------------------

static void gitlab_input(Buf *out, const InputSpec *s, Arena *mem) {
    static const char *const types[] = {[INPUT_TEXT] = "string",
                                        [INPUT_LINES] = "string",
                                        [INPUT_BOOL] = "boolean",
                                        [INPUT_NUMBER] = "number",
                                        [INPUT_CHOICE] = "string"};
    buf_printf(out, "    %s:\n      description: %s\n      type: %s\n", s->name,
               quoted(mem, s->description), types[s->kind]);
    if (s->choices) {
        StrList choices = cstr_split(mem, s->choices, ',');
        buf_str(out, "      options:\n");
        if (!s->fallback && !s->required)
            buf_str(out, "        - \"\"\n");
        for (size_t i = 0; i < choices.len; i++)
            buf_printf(out, "        - %s\n", quoted(mem, choices.items[i]));
    }
    if (s->required)
        return;
    if (s->kind == INPUT_NUMBER)
        buf_printf(out, "      default: %s\n", cstr_or(s->fallback, "0"));
    else if (s->kind == INPUT_BOOL)
        buf_printf(out, "      default: %s\n", cstr_or(s->fallback, "false"));
    else
        buf_printf(out, "      default: %s\n", quoted(mem, cstr_or(s->fallback, "")));
}

// Neither stage nor image may be empty in GitLab, so both have a default that works.
static void gitlab_inputs(Buf *out, const Writer *w, const char *name) {
    buf_printf(
        out,
        "spec:\n  inputs:\n"
        "    job_name:\n      description: \"Name of the job.\"\n"
        "      default: atlas-%s\n"
        "    stage:\n      description: \"Stage of the job; must be one of the pipeline's.\"\n"
        "      default: test\n"
        "    image:\n"
        "      description: \"Image with atlas-action, git and a shell (Dockerfile, target "
        "shell). Runners with the shell executor do not use it.\"\n"
        "      default: %s\n"
        "    atlas-version:\n      description: \"Accepted for compatibility, without effect: "
        "the image has the version.\"\n      default: latest\n"
        "    gitlab-token:\n      description: \"Token for comments on merge requests, such as "
        "$GITLAB_TOKEN. Empty: the variable GITLAB_TOKEN of the project.\"\n"
        "      default: \"\"\n"
        "    atlas-cloud-token:\n      description: \"Token of the registry, such as "
        "$ATLAS_TOKEN. Empty: the variable ATLAS_TOKEN of the project.\"\n"
        "      default: \"\"\n",
        name, quoted(w->mem, w->shell));
}

// The tokens have variables of their own, as `ATLAS_TOKEN: $ATLAS_TOKEN` is that very text where
// the project's variable is not there. The inputs are block scalars: GitLab wants variables to be
// text, and a boolean or number that stands alone would stay one; the runner trims the line feed.
// What a failed job keeps in .atlas/ counts too: it tells that the registry refused the token.
static void gitlab_job(Buf *out, const ActionSpec *a, const char *name, Arena *mem) {
    buf_str(out, "---\n\"$[[ inputs.job_name ]]\":\n  stage: \"$[[ inputs.stage ]]\"\n"
                 "  image: \"$[[ inputs.image ]]\"\n"
                 "  cache:\n    key: atlas-grant-cache\n    paths: [.atlas/]\n"
                 "    policy: pull-push\n    when: always\n"
                 "  artifacts:\n    when: always\n    paths: [.atlas/]\n    access: developer\n"
                 "    expire_in: 1 day\n");
    if (a->outputs->name)
        buf_printf(out, "    reports:\n      dotenv: atlas-%s.env\n", name);
    buf_printf(out,
               "  variables:\n"
               "    ATLAS_COMPONENT_TOKEN: \"$[[ inputs.atlas-cloud-token ]]\"\n"
               "    ATLAS_COMPONENT_GITLAB_TOKEN: \"$[[ inputs.gitlab-token ]]\"\n"
               "    ATLAS_DOTENV: $CI_PROJECT_DIR/atlas-%s.env\n",
               name);
    for (size_t i = 0; a->inputs[i]; i++)
        if (is_listed(a->inputs[i]))
            buf_printf(out, "    %s: |\n      $[[ inputs.%s ]]\n",
                       variable(mem, a->inputs[i]->name), a->inputs[i]->name);
    buf_printf(out,
               "  script:\n"
               "    - export ATLAS_TOKEN=\"${ATLAS_COMPONENT_TOKEN:-${ATLAS_TOKEN-}}\"\n"
               "    - export GITLAB_TOKEN=\"${ATLAS_COMPONENT_GITLAB_TOKEN:-${GITLAB_TOKEN-}}\"\n"
               "    - atlas-action --action %s\n",
               a->id);
}

static void gitlab_component(Writer *w, const ActionSpec *a) {
    const char *name = with_separator(w->mem, a->id, "-");
    Buf out;
    buf_init(&out, w->mem, 1 << 20);
    buf_str(&out, GENERATED);
    gitlab_inputs(&out, w, name);
    for (size_t i = 0; a->inputs[i]; i++)
        if (is_listed(a->inputs[i]))
            gitlab_input(&out, a->inputs[i], w->mem);
    gitlab_job(&out, a, name, w->mem);
    add_file(w, arena_printf(w->mem, "action/gitlab/templates/%s.yml", name), &out);
}

// --- CircleCI -----------------------------------------------------------------------------------

static void circleci_parameter(Buf *out, const InputSpec *s, Arena *mem) {
    static const char *const types[] = {[INPUT_TEXT] = "string",
                                        [INPUT_LINES] = "string",
                                        [INPUT_BOOL] = "boolean",
                                        [INPUT_NUMBER] = "integer",
                                        [INPUT_CHOICE] = "enum"};
    buf_printf(out, "      %s:\n        type: %s\n        description: %s\n", snake(mem, s->name),
               types[s->kind], quoted(mem, s->description));
    if (s->kind == INPUT_CHOICE)
        buf_printf(out, "        enum: [%s%s]\n", s->required ? "" : "\"\", ",
                   cstr_replace(mem, s->choices, ",", ", "));
    if (s->required)
        return;
    if (cstr_eq(s->name, "working-directory"))
        buf_str(out, "        default: .\n");
    else if (s->kind == INPUT_BOOL)
        buf_printf(out, "        default: %s\n", cstr_or(s->fallback, "false"));
    else if (s->kind == INPUT_NUMBER)
        buf_printf(out, "        default: %s\n", cstr_or(s->fallback, "0"));
    else
        buf_printf(out, "        default: %s\n", quoted(mem, cstr_or(s->fallback, "")));
}

// The actions that comment on pull requests: CircleCI does not say where.
static bool speaks_to_github(const ActionSpec *a) {
    static const char *const ids[] = {"migrate/push", "migrate/lint", "schema/plan",
                                      "schema/plan/approve"};
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        if (cstr_eq(a->id, ids[i]))
            return true;
    return false;
}

static void circleci_variable_name(Buf *out, const char *name, const char *fallback,
                                   const char *description) {
    buf_printf(out,
               "      %s:\n        type: env_var_name\n        description: %s\n"
               "        default: %s\n",
               name, description, fallback);
}

// The token is named by its variable, never written into a configuration.
static bool is_setup_parameter(const InputSpec *s) {
    return is_listed(s) && !cstr_eq(s->name, "cloud-token") && !cstr_eq(s->name, "flavor");
}

static void circleci_setup_parameters(Buf *out, const ActionSpec *a, Arena *mem) {
    circleci_variable_name(out, "cloud_token_env", "ATLAS_TOKEN",
                           "\"Variable that holds the token of the registry.\"");
    buf_str(out, "      persist:\n        type: boolean\n        default: true\n"
                 "        description: \"Hand the grant on to later jobs of the workflow. Write false in "
                 "jobs that run side by side: CircleCI takes a file from one of them only.\"\n");
    for (size_t i = 0; a->inputs[i]; i++)
        if (is_setup_parameter(a->inputs[i]))
            circleci_parameter(out, a->inputs[i], mem);
}

// Of ~/.atlas only the grants travel: a token of `atlas login` stays. What a failed step keeps counts
// too: it tells that the registry refused the token.
static void circleci_setup(Buf *out, const ActionSpec *a, Arena *mem) {
    buf_printf(out, "  setup:\n    description: %s\n    parameters:\n", quoted(mem, a->description));
    circleci_setup_parameters(out, a, mem);
    buf_str(out, "    steps:\n"
                 "      - restore_cache:\n          name: Restore the grant\n"
                 "          keys: [atlas-grant-cache-]\n"
                 "      - run:\n          name: Set up atlas-action\n          environment:\n");
    for (size_t i = 0; a->inputs[i]; i++)
        if (is_setup_parameter(a->inputs[i]))
            buf_printf(out, "            %s: << parameters.%s >>\n",
                       variable(mem, a->inputs[i]->name), snake(mem, a->inputs[i]->name));
    buf_str(out,
            "          command: |\n"
            "            atlas-action --version\n"
            "            mkdir -p ~/.atlas/grants\n"
            "            if [ -n \"${<< parameters.cloud_token_env >>:-}\" ]; then\n"
            "              echo 'export ATLAS_TOKEN=\"${<< parameters.cloud_token_env >>}\"' >> "
            "\"$BASH_ENV\"\n"
            "              export ATLAS_TOKEN=\"${<< parameters.cloud_token_env >>}\"\n"
            "            fi\n"
            "            atlas-action --action setup\n"
            "      - when:\n          condition: << parameters.persist >>\n          steps:\n"
            "            - persist_to_workspace:\n                root: ~/\n"
            "                paths: [.atlas/grants]\n"
            "      - save_cache:\n          name: Save the grant\n          when: always\n"
            "          key: atlas-grant-cache-<< pipeline.id >>\n"
            "          paths: [~/.atlas/grants]\n");
}

static void circleci_command(Buf *out, const ActionSpec *a, Arena *mem) {
    bool github = speaks_to_github(a);
    if (is_setup(a)) {
        circleci_setup(out, a, mem);
        return;
    }
    buf_printf(out, "  %s:\n    description: %s\n    parameters:\n", snake(mem, a->id),
               quoted(mem, a->description));
    for (size_t i = 0; a->inputs[i]; i++)
        if (is_listed(a->inputs[i]))
            circleci_parameter(out, a->inputs[i], mem);
    if (github) {
        circleci_variable_name(out, "github_repo_env", "GITHUB_REPOSITORY",
                               "\"Variable that holds the GitHub repository, OWNER/NAME.\"");
        circleci_variable_name(out, "github_token_env", "GITHUB_TOKEN",
                               "\"Variable that holds a GitHub token, for pull requests.\"");
    }
    buf_printf(out, "    steps:\n      - run:\n          name: %s\n          environment:\n",
               quoted(mem, a->title));
    for (size_t i = 0; a->inputs[i]; i++)
        if (is_listed(a->inputs[i]))
            buf_printf(out, "            %s: << parameters.%s >>\n",
                       variable(mem, a->inputs[i]->name), snake(mem, a->inputs[i]->name));
    buf_str(out, "          command: |\n");
    if (github)
        buf_str(out, "            export GITHUB_REPOSITORY=\"${<< parameters.github_repo_env "
                     ">>:-${GITHUB_REPOSITORY-}}\"\n"
                     "            export GITHUB_TOKEN=\"${<< parameters.github_token_env "
                     ">>:-${GITHUB_TOKEN-}}\"\n");
    buf_printf(out, "            atlas-action --action %s\n", a->id);
}

static void circleci_executor(Buf *out, const Writer *w) {
    buf_printf(
        out,
        "executors:\n"
        "  default:\n"
        "    parameters:\n"
        "      image:\n        type: string\n        default: %s\n"
        "        description: \"Image with atlas-action, git and a shell (Dockerfile, target "
        "shell).\"\n"
        "      resource_class:\n        type: string\n        default: medium\n"
        "      tag:\n        type: string\n        default: current\n"
        "        description: \"Accepted for compatibility, without effect: see image.\"\n"
        "    docker:\n      - image: << parameters.image >>\n"
        "    resource_class: << parameters.resource_class >>\n",
        quoted(w->mem, w->shell));
}

static void circleci_orb(Writer *w) {
    Buf out;
    buf_init(&out, w->mem, 1 << 20);
    buf_str(&out,
            GENERATED "version: 2.1\n"
                      "description: Database changes in CI/CD that go out on the worst day\n");
    circleci_executor(&out, w);
    buf_str(&out, "commands:\n");
    for (const ActionSpec *a = runner_actions; a->id; a++)
        circleci_command(&out, a, w->mem);
    add_file(w, "action/circleci/orb.yml", &out);
}

// --- Bitbucket ----------------------------------------------------------------------------------

static void bitbucket_pipe(Writer *w) {
    Buf out;
    buf_init(&out, w->mem, 1 << 20);
    buf_printf(&out, GENERATED "name: atlas-action\nimage: %s\n", quoted(w->mem, w->published));
    buf_str(&out, "description: Database changes in CI/CD that go out on the worst day\n"
                  "category: Deployment\n"
                  "tags: [database, migrations, atlas]\n"
                  "variables:\n"
                  "  - name: ATLAS_ACTION\n    required: true\n"
                  "    description: \"The action to run, such as migrate/push.\"\n"
                  "  - name: ATLAS_TOKEN\n    description: \"Token of the registry.\"\n"
                  "  - name: BITBUCKET_ACCESS_TOKEN\n"
                  "    description: \"Token for comments on pull requests.\"\n");
    for (const ActionSpec *a = runner_actions; a->id; a++)
        for (size_t i = 0; a->inputs[i]; i++)
            if (is_listed(a->inputs[i]) && !seen_before(a, a->inputs[i]->name))
                buf_printf(&out, "  - name: %s\n    description: %s\n",
                           variable(w->mem, a->inputs[i]->name),
                           quoted(w->mem, a->inputs[i]->description));
    add_file(w, "action/bitbucket/pipe.yml", &out);
}

// --- README -------------------------------------------------------------------------------------

static void readme_table(Buf *out, const ActionSpec *a) {
    buf_printf(out, "### `%s`\n\n%s.\n\n| input | default | meaning |\n| --- | --- | --- |\n",
               a->id, a->description);
    for (size_t i = 0; a->inputs[i]; i++) {
        const InputSpec *s = a->inputs[i];
        if (is_listed(s))
            buf_printf(out, "| `%s` | %s%s%s | %s |\n", s->name, s->fallback ? "`" : "",
                       cstr_or(s->fallback, ""), s->fallback ? "`" : "", s->description);
    }
    if (a->outputs->name)
        buf_str(out, "\n| output | meaning |\n| --- | --- |\n");
    for (const OutputSpec *o = a->outputs; o->name; o++)
        buf_printf(out, "| `%s` | %s |\n", o->name, o->description);
    buf_char(out, '\n');
}

static void readme(Writer *w) {
    Buf out;
    buf_init(&out, w->mem, 1 << 20);
    for (const ActionSpec *a = runner_actions; a->id; a++)
        readme_table(&out, a);
    add_file(w, "README.md#actions", &out);
}

// NAME:TAG-shell; a digest names one image only, so it is dropped.
static char *shell_image(Arena *mem, const char *image) {
    const char *digest = strchr(image, '@');
    char *name = arena_strndup(mem, image, digest ? (size_t)(digest - image) : strlen(image));
    const char *slash = strrchr(name, '/');
    return arena_printf(mem, "%s%s-shell", name, strchr(slash ? slash : name, ':') ? "" : ":v1");
}

PackagingFiles runner_packaging(const char *image, Arena *mem) {
    static const char scheme[] = "docker://";
    PackagingFiles files = {0};
    const char *published = cstr_starts(image, scheme) ? image + strlen(scheme) : "atlas-action:v1";
    Writer w = {.files = &files,
                .image = image,
                .published = published,
                .shell = shell_image(mem, published),
                .mem = mem};
    github_root(&w);
    circleci_orb(&w);
    bitbucket_pipe(&w);
    for (const ActionSpec *a = runner_actions; a->id; a++) {
        github_action(&w, a);
        if (!is_setup(a))
            gitlab_component(&w, a);
    }
    readme(&w);
    return files;
}
