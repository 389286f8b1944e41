// The actions and their inputs and outputs: the one table.
#include "atlas/runner.h"

#define INPUT static const InputSpec

INPUT working_directory = {"working-directory", INPUT_TEXT, NULL, NULL,
                           "Directory to run in. Default: the root of the repository.", false, false};
INPUT config = {"config", INPUT_LINES, NULL, NULL,
                "URL of the configuration file, such as `file://atlas.hcl`.", false, false};
INPUT env = {"env", INPUT_TEXT, NULL, NULL,
             "The env block of the configuration to use.", false, false};
INPUT vars = {"vars", INPUT_LINES, NULL, NULL,
              "Input variables of the configuration, a JSON object: `{\"name\": \"value\"}`.", false,
              false};
INPUT dev_url = {"dev-url", INPUT_TEXT, NULL, NULL,
                 "URL of a scratch database. A push only learns the driver from it.", false, false};
INPUT revisions_schema = {"revisions-schema", INPUT_TEXT, NULL, NULL,
                          "Schema of the revisions table.", false, false};
INPUT dir = {"dir", INPUT_TEXT, NULL, NULL,
             "URL of the migration directory: `file://migrations` (the default), or `atlas://app` "
             "with `?tag=`, `?version=` or `?digest=`.", false, false};
INPUT dir_name = {"dir-name", INPUT_TEXT, NULL, NULL,
                  "Name (slug) of the repository. Default: the env's `repo.name`.", false, false};
INPUT tag = {"tag", INPUT_TEXT, NULL, NULL,
             "Tag to push to. Default: the commit.", false, false};
INPUT latest = {"latest", INPUT_BOOL, "true", NULL, "Also move the tag `latest`.", false, false};
INPUT min_copies = {"min-copies", INPUT_NUMBER, NULL, NULL,
                    "Fail unless at least so many targets (registry and backups) took the push.",
                    false, false};
INPUT url = {"url", INPUT_TEXT, NULL, NULL,
             "URL of the database. Default: the env's `url`.", false, false};
INPUT amount = {"amount", INPUT_NUMBER, NULL, NULL,
                "Most files to apply. Default: all pending ones.", false, false};
INPUT to_version = {"to-version", INPUT_TEXT, NULL, NULL, "Last version to apply.", false, false};
INPUT tx_mode = {"tx-mode", INPUT_TEXT, NULL, "file,all,none",
                 "What one transaction spans: `file` (default), `all` or `none`.", false, false};
INPUT exec_order = {"exec-order", INPUT_CHOICE, NULL, "linear,linear-skip,non-linear",
                    "What happens to files older than the database's version: `linear` (default) "
                    "fails, `linear-skip` skips, `non-linear` applies them.", false, false};
INPUT allow_dirty = {"allow-dirty", INPUT_BOOL, "false", NULL,
                     "Start on a database that is not empty and has no revisions.", false, false};
INPUT dry_run = {"dry-run", INPUT_BOOL, "false", NULL,
                 "Show what would be executed and change nothing.", false, false};
INPUT baseline = {"baseline", INPUT_TEXT, NULL, NULL,
                  "Version that an existing database without revisions is at.", false, true};

INPUT lock_name = {"lock-name", INPUT_TEXT, NULL, NULL,
                   "Name of the lock that runs on one database share. Default: "
                   "`atlas_migrate_execute`.", false, false};
INPUT lock_timeout = {"lock-timeout", INPUT_TEXT, NULL, NULL,
                      "How long to wait for another run on the same database, such as `30s` "
                      "(default `10s`).", false, false};
INPUT db_lock_timeout = {"db-lock-timeout", INPUT_TEXT, NULL, NULL,
                         "How long a statement may wait for locks of other sessions. Default: as "
                         "the database says.", false, false};
INPUT statement_timeout = {"statement-timeout", INPUT_TEXT, NULL, NULL,
                           "How long a statement may run. Default: as the database says.", false,
                           false};
INPUT concurrency = {"concurrency", INPUT_NUMBER, NULL, NULL,
                     "How many targets of a `for_each` env to apply to at the same time. Default: "
                     "one after the other.", false, false};
INPUT continue_on_error = {"continue-on-error", INPUT_BOOL, "false", NULL,
                           "Go on with the other targets after one failed.", false, false};
INPUT in_flight = {"in-flight", INPUT_TEXT, NULL, "stop,applied,repeat",
                   "A statement was running when a run was lost, and the database cannot tell "
                   "whether it took effect: `stop` (default), take it as `applied`, or `repeat` "
                   "it.", false, false};

INPUT set_version = {"version", INPUT_TEXT, NULL, NULL,
                     "Version that the database is at.", true, false};
INPUT paths = {"paths", INPUT_LINES, NULL, NULL,
               "Test files, or directories of `*.test.hcl`, one a line. Default: what `test { migrate "
               "{ src } }` of the configuration lists, else the working directory.", false, false};
INPUT run_names = {"run", INPUT_TEXT, NULL, NULL,
                   "Pattern (RE2) of the names of the tests to run. Default: all.", false, false};
INPUT junit = {"junit", INPUT_TEXT, NULL, NULL, "File to write the results to as JUnit XML.", false,
               false};

INPUT repo_driver = {"driver", INPUT_TEXT, NULL, NULL,
                     "Database of the repository: `postgres`, `mysql`, `mariadb`, `sqlite`, ...", true,
                     false};
INPUT repo_type = {"type", INPUT_TEXT, NULL, NULL,
                   "What it holds: `migration` (a migration directory) or `schema`.", true, false};
INPUT repo_name = {"name", INPUT_TEXT, NULL, NULL, "Name (slug) of the repository.", true, false};
INPUT repo_description = {"description", INPUT_TEXT, NULL, NULL,
                          "Accepted for compatibility, without effect.", false, false};
INPUT slug = {"name", INPUT_TEXT, NULL, NULL,
              "Name (slug) of the repository. Default: the env's `repo.name`.", false, false};
INPUT from = {"from", INPUT_TEXT, NULL, NULL,
              "URL of the store to take everything from, to rebuild a lost registry.", false, false};

INPUT require_grant = {"require-grant", INPUT_TEXT, NULL, "true,false,signed",
                       "While the registry cannot be reached: fail unless there is a valid grant "
                       "(`true`), or one that the registry signed (`signed`).", false, false};
INPUT cloud_token = {"cloud-token", INPUT_TEXT, NULL, NULL,
                     "Token of the registry; on GitHub, later steps of the job have it as "
                     "`ATLAS_TOKEN`. Default: the variable `ATLAS_TOKEN`.", false, false};
INPUT version = {"version", INPUT_TEXT, NULL, NULL,
                 "Accepted for compatibility, without effect: the image has the version.", false,
                 false};
INPUT flavor = {"flavor", INPUT_TEXT, NULL, NULL, "Accepted for compatibility, without effect.", false,
                false};

// Alphabetical, then the common ones: the order of all packaging.
static const InputSpec *const push_inputs[] = {
    &dir, &dir_name, &latest, &min_copies, &require_grant, &revisions_schema, &tag,
    &working_directory, &config, &env, &vars, &dev_url, NULL};
static const InputSpec *const apply_inputs[] = {
    &allow_dirty, &amount, &concurrency, &continue_on_error, &db_lock_timeout, &dir, &dry_run,
    &exec_order, &in_flight, &lock_name, &lock_timeout, &require_grant, &revisions_schema,
    &statement_timeout, &to_version, &tx_mode, &url, &baseline, &working_directory, &config, &env,
    &vars, NULL};

static const InputSpec *const set_inputs[] = {&dir, &require_grant, &revisions_schema, &url,
                                              &set_version, &working_directory, &config, &env,
                                              &vars, NULL};
static const InputSpec *const test_inputs[] = {
    &dir, &junit, &paths, &require_grant, &revisions_schema, &run_names, &working_directory,
    &config, &env, &vars, &dev_url, NULL};
static const InputSpec *const create_inputs[] = {
    &repo_description, &repo_driver, &repo_name, &require_grant, &repo_type, &working_directory,
    &config, &env, &vars, NULL};
static const InputSpec *const verify_inputs[] = {&slug, &require_grant, &working_directory, &config,
                                                 &env, &vars, NULL};
static const InputSpec *const sync_inputs[] = {&from, &slug, &require_grant, &working_directory,
                                               &config, &env, &vars, NULL};
static const InputSpec *const setup_inputs[] = {&cloud_token, &flavor, &require_grant, &version,
                                                &working_directory, &config, &env, &vars, NULL};

static const OutputSpec create_outputs[] = {
    {"url", false, "Page of the repository in the registry, else its `atlas://` URL."},
    {NULL, false, NULL}};
static const OutputSpec audit_outputs[] = {
    {"ok", false, "`true` if all copies are whole."},
    {"report", false, "JSON: Slug, and per target URL and Refs with Name, Digest, Status, Error."},
    {NULL, false, NULL}};
static const OutputSpec setup_outputs[] = {
    {"org", false, "Organisation that the token belongs to, empty if nothing tells."},
    {"user", false, "Bot or user that the token belongs to, empty if nothing tells."},
    {"grant_expires", false, "Time until which the grant is good, empty if there is none."},
    {"offline", false, "`true` if the registry could not be reached."},
    {NULL, false, NULL}};
static const OutputSpec push_outputs[] = {
    {"url", false, "Page of the push in the registry, else its `atlas://` URL."},
    {"link", false, "Page of the push in the registry, empty if it has none."},
    {"slug", false, "Name of the repository."},
    {"digest", false, "SHA-256 digest of what was pushed."},
    {"copies", true, "Number of targets that took the push."},
    {"degraded", false, "`true` if some target did not take it."},
    {NULL, false, NULL}};
static const OutputSpec apply_outputs[] = {
    {"applied_count", true, "Number of files that were applied."},
    {"current", false, "Version of the database before the run."},
    {"pending_count", true, "Number of files that were selected for the run."},
    {"target", false, "Version of the database that the run was for."},
    {"runs", false, "JSON list of all runs: current, target, applied_count, pending_count, "
                    "pending_files; of a failed one url and error too."},
    {"error", false, "The error, if the run failed."},
    {NULL, false, NULL}};

static const OutputSpec set_outputs[] = {{"error", false, "The error, if it failed."},
                                         {NULL, false, NULL}};
static const OutputSpec no_outputs[] = {{NULL, false, NULL}};

const ActionSpec runner_actions[] = {
    {"create-repo", "Create Repository", "Makes an empty repository in the registry", create_inputs,
     create_outputs},
    {"migrate/apply", "Migrate Apply", "Applies a migration directory to a database",
     apply_inputs, apply_outputs},
    {"migrate/push", "Migrate Push",
     "Pushes a migration directory to the registry and to every backup", push_inputs, push_outputs},
    {"migrate/set", "Migrate Set", "Sets the version of a database without executing files",
     set_inputs, set_outputs},
    {"migrate/test", "Migrate Test", "Runs the tests of a migration directory on a dev database",
     test_inputs, no_outputs},
    {"registry/sync", "Registry Sync", "Makes all copies of a repository whole again", sync_inputs,
     audit_outputs},
    {"registry/verify", "Registry Verify", "Checks every copy of a repository", verify_inputs,
     audit_outputs},
    {"setup", "Setup", "Checks the token of the registry and keeps its grant for days on which the "
     "registry is down", setup_inputs, setup_outputs},
    {.id = NULL},
};
