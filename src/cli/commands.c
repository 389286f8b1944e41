// The commands and their flags: one table that drives parsing, help and the README's reference.
#include "cli.h"

#define SPEC static const FlagSpec

SPEC config = {"config", 'c', FLAG_STRING, "file://atlas.hcl", NULL, "configuration file", 0, NULL};
SPEC env = {"env", 0, FLAG_STRING, NULL, NULL, "env block of the configuration to use", 0, NULL};
SPEC var = {"var", 0, FLAG_REPEAT, NULL, NULL, "input variables, name=value", 0, NULL};
SPEC url = {"url", 'u', FLAG_STRING, NULL, NULL, "database URL", 0, NULL};
SPEC dir = {"dir", 0, FLAG_STRING, "file://migrations", NULL,
            "migration directory: file://, or atlas://slug[?tag=T|version=V|digest=D]", 0, NULL};
SPEC dir_format = {"dir-format", 0, FLAG_STRING, "atlas",
                   "atlas,golang-migrate,goose,flyway,liquibase,dbmate", "format of the directory", 0,
                   NULL};
SPEC dev_url = {"dev-url", 0, FLAG_STRING, NULL, NULL,
                "scratch database; a push only learns the driver from it", 0, NULL};
SPEC lock_timeout = {"lock-timeout", 0, FLAG_DURATION, "10s", NULL,
                     "how long to wait for another run on the same database", 0, NULL};
SPEC db_lock_timeout = {"db-lock-timeout", 0, FLAG_DURATION, NULL, NULL,
                        "how long a statement may wait for locks of other sessions", 0, NULL};
SPEC statement_timeout = {"statement-timeout", 0, FLAG_DURATION, NULL, NULL,
                          "how long a statement may run", 0, NULL};
SPEC concurrent = {"concurrent", 0, FLAG_UINT, "1", NULL,
                   "how many targets of a for_each env to apply to at the same time", 0, NULL};
SPEC continue_on_error = {"continue-on-error", 0, FLAG_BOOL, NULL, NULL,
                          "go on with the other targets after one failed", 0, NULL};
SPEC in_flight = {"in-flight", 0, FLAG_STRING, "stop", "stop,applied,repeat",
                  "what to do about a statement that was running when a run was lost, where the "
                  "database cannot tell", 0, NULL};
SPEC lock_name = {"lock-name", 0, FLAG_STRING, NULL, NULL, "name of the database's lock", 0, NULL};
SPEC revisions_schema = {"revisions-schema", 0, FLAG_STRING, NULL, NULL,
                         "schema of the revisions table", 0, NULL};
SPEC format = {"format", 0, FLAG_STRING, NULL, NULL,
               "Go template for the output, such as '{{ json . }}'", 0, NULL};
SPEC log_alias = {"log", 0, FLAG_STRING, NULL, NULL, "", FLAG_HIDDEN, "format"};
SPEC context = {"context", 0, FLAG_STRING, NULL, NULL, "", FLAG_HIDDEN, NULL};
SPEC dry_run = {"dry-run", 0, FLAG_BOOL, NULL, NULL, "print what would be executed, change nothing",
                0, NULL};
SPEC baseline = {"baseline", 0, FLAG_STRING, NULL, NULL,
                 "version that an existing database without revisions is at", 0, NULL};
SPEC tx_mode = {"tx-mode", 0, FLAG_STRING, "file", "none,file,all", "what one transaction spans", 0,
                NULL};
SPEC exec_order = {"exec-order", 0, FLAG_STRING, "linear", "linear,linear-skip,non-linear",
                   "what happens to files older than the database's version", 0, NULL};
SPEC allow_dirty = {"allow-dirty", 0, FLAG_BOOL, NULL, NULL,
                    "start on a database that is not empty and has no revisions", 0, NULL};
SPEC to_version = {"to-version", 0, FLAG_STRING, NULL, NULL, "last version to apply", 0, NULL};
SPEC tag = {"tag", 0, FLAG_STRING, NULL, NULL, "tag to push to; wins over name:tag", 0, NULL};
SPEC min_copies = {"min-copies", 0, FLAG_UINT, NULL, NULL,
                   "fail unless so many targets took the push", 0, NULL};
SPEC force = {"force", 0, FLAG_BOOL, NULL, NULL, "", FLAG_HIDDEN, NULL};
SPEC edit = {"edit", 0, FLAG_BOOL, NULL, NULL, "open the new file in $EDITOR", 0, NULL};
SPEC is_short = {"short", 's', FLAG_BOOL, NULL, NULL, "print versions instead of names", 0, NULL};
SPEC is_latest = {"latest", 'l', FLAG_BOOL, NULL, NULL, "print the last file only", 0, NULL};
SPEC store = {"store", 0, FLAG_STRING, NULL, NULL,
              "where artifacts are kept: a file://, s3://, gs://, azblob:// or oci:// URL", FLAG_REQUIRED, NULL};
SPEC listen_on = {"listen", 0, FLAG_STRING, "127.0.0.1:8484", NULL, "address and port", 0, NULL};
SPEC tokens = {"tokens", 0, FLAG_STRING, NULL, NULL,
               "file of tokens; without it loopback only and any token may do all", 0, NULL};
SPEC public_url = {"public-url", 0, FLAG_STRING, NULL, NULL, "base of the links it hands out", 0,
                   NULL};
SPEC insecure = {"insecure", 0, FLAG_BOOL, NULL, NULL,
                 "plain HTTP on an address that is not loopback", 0, NULL};
SPEC single_writer = {"single-writer", 0, FLAG_BOOL, NULL, NULL,
                      "nobody else writes to a store that has no conditional writes", 0, NULL};
SPEC from = {"from", 0, FLAG_STRING, NULL, NULL, "store to take everything from", 0, NULL};
SPEC run_names = {"run", 0, FLAG_STRING, NULL, NULL, "pattern of the names of the tests to run", 0, NULL};
SPEC junit = {"junit", 0, FLAG_STRING, NULL, NULL, "file to write the results to as JUnit XML", 0, NULL};
SPEC scratch_url = {"dev-url", 0, FLAG_STRING, NULL, NULL, "empty scratch database", 0, NULL};
SPEC import_from = {"from", 0, FLAG_STRING, "file://migrations", NULL,
                    "directory to import, such as file://migrations?format=goose", 0, NULL};
SPEC import_to = {"to", 0, FLAG_STRING, "file://migrations", NULL,
                  "empty directory to write to", 0, NULL};
SPEC name = {"name", 0, FLAG_STRING, NULL, NULL, "who the token is for", FLAG_REQUIRED, NULL};
SPEC role = {"role", 0, FLAG_STRING, "push", "read,push,admin", "what the token may do", 0, NULL};

SPEC simulate = {"simulate", 0, FLAG_STRING, NULL, NULL,
                 "outage rehearsal: targets that fail on purpose, such as primary:down,backup1:503", 0,
                 NULL};
SPEC sign_key_file = {"sign-key-file", 0, FLAG_STRING, NULL, NULL,
                      "private key that signs what is pushed (default: ATLAS_SIGN_KEY's value)", 0,
                      NULL};
SPEC sign_key = {"sign-key", 0, FLAG_STRING, NULL, NULL,
                 "file of the private key that signs what is pushed here", 0, NULL};
SPEC token = {"token", 0, FLAG_STRING, NULL, NULL,
              "the token; - reads it from standard input (default: ATLAS_TOKEN's value)", 0, NULL};
SPEC token_file = {"token-file", 0, FLAG_STRING, NULL, NULL, "file of the token", 0, NULL};
SPEC grant_only = {"grant-only", 0, FLAG_BOOL, NULL, NULL,
                   "keep the grant for days on which the registry is down, not the token", 0, NULL};
SPEC repo_name = {"name", 0, FLAG_STRING, NULL, NULL, "name of the repository", FLAG_REQUIRED, NULL};
SPEC repo_type = {"type", 0, FLAG_STRING, NULL, NULL,
                  "what it holds: migration_directory (m) or schema (s)", FLAG_REQUIRED, NULL};
SPEC repo_driver = {"driver", 0, FLAG_STRING, NULL, NULL, "database, such as postgres or mysql",
                    FLAG_REQUIRED, NULL};
SPEC skip_if_exists = {"skip-if-exists", 0, FLAG_BOOL, NULL, NULL,
                       "succeed if the repository is there already", 0, NULL};
SPEC page = {"page", 0, FLAG_UINT, "1", NULL, "page of the list", 0, NULL};
SPEC by_slug = {"slug", 0, FLAG_STRING, NULL, NULL, "the repository's slug", 0, NULL};
SPEC by_id = {"id", 0, FLAG_STRING, NULL, NULL, "the repository's id", 0, NULL};
SPEC by_name = {"name", 0, FLAG_STRING, NULL, NULL, "the repository's title", 0, NULL};

#define FLAGS(...) (const FlagSpec *const[]) { __VA_ARGS__, NULL }
#define GLOBAL &config, &env, &var
#define TARGETS GLOBAL, &simulate // of commands that reach a repository

static const FlagSpec *const no_flags[] = {NULL};

const Command cli_commands[] = {
    {"migrate apply", "[amount]", 1, "Execute pending migration files on a database",
     FLAGS(TARGETS, &url, &dir, &format, &log_alias, &revisions_schema, &lock_timeout, &lock_name,
           &dry_run, &baseline, &tx_mode, &exec_order, &allow_dirty, &to_version, &db_lock_timeout, &statement_timeout,
           &concurrent, &continue_on_error, &in_flight, &context),
     true, cli_migrate_apply},
    {"migrate push", "[name[:tag]]", 1, "Push the migration directory to the registry and all backups",
     FLAGS(TARGETS, &dir, &dir_format, &dev_url, &lock_timeout, &tag, &min_copies, &sign_key_file,
           &format, &context),
     false, cli_migrate_push},
    {"migrate status", "", 0, "Show where a database stands in the migration directory",
     FLAGS(TARGETS, &url, &dir, &dir_format, &format, &log_alias, &revisions_schema), false,
     cli_migrate_status},
    {"migrate set", "[version]", 1, "Set the version of a database without executing files",
     FLAGS(TARGETS, &url, &dir, &dir_format, &revisions_schema), false, cli_migrate_set},
    {"migrate hash", "", 0, "Write atlas.sum anew", FLAGS(GLOBAL, &dir, &dir_format, &force), false,
     cli_migrate_hash},
    {"migrate validate", "", 0, "Check atlas.sum, and with a dev database that all files run",
     FLAGS(GLOBAL, &scratch_url, &dir, &dir_format), false, cli_migrate_validate},
    {"migrate new", "[name]", 1, "Create an empty migration file",
     FLAGS(GLOBAL, &dir, &dir_format, &edit), false, cli_migrate_new},
    {"migrate edit", "{version or file}", 1, "Edit a migration file and write atlas.sum anew",
     FLAGS(GLOBAL, &dir, &dir_format), false, cli_migrate_edit},
    {"migrate rm", "[version or file]", 1, "Delete a migration file, the last one by default",
     FLAGS(GLOBAL, &dir, &dir_format), false, cli_migrate_rm},
    {"migrate rebase", "{version or file}...", -1,
     "Give migration files new versions, so that they come last", FLAGS(GLOBAL, &dir, &dir_format),
     false, cli_migrate_rebase},
    {"migrate import", "", 0, "Import a directory of golang-migrate, goose, flyway, liquibase or dbmate",
     FLAGS(GLOBAL, &import_from, &import_to, &dir_format), false, cli_migrate_import},
    {"migrate test", "[paths...]", -1, "Run the tests of a migration directory on a dev database",
     FLAGS(TARGETS, &scratch_url, &dir, &dir_format, &revisions_schema, &run_names, &junit, &format,
           &context), false, cli_migrate_test},
    {"migrate ls", "", 0, "List the migration files", FLAGS(TARGETS, &dir, &is_short, &is_latest),
     false, cli_migrate_ls},
    {"registry serve", "", 0, "Serve the registry protocol on top of a store",
     FLAGS(&store, &listen_on, &tokens, &sign_key, &public_url, &insecure,
           &single_writer), false, cli_registry_serve},
    {"registry verify", "[slug]", 1, "Check every ref and object of every copy",
     FLAGS(TARGETS, &format), false, cli_registry_verify},
    {"registry sync", "[slug]", 1, "Make all copies whole again", FLAGS(TARGETS, &from, &sign_key_file, &format),
     false, cli_registry_sync},
    {"registry token new", "", 0, "Make a token for `registry serve --tokens`", FLAGS(&name, &role),
     false, cli_registry_token_new},
    {"registry key new", "", 0, "Make a pair of keys for signed refs", no_flags, false,
     cli_registry_key_new},
    {"cloud repo create", "", 0, "Make an empty repository",
     FLAGS(TARGETS, &repo_name, &repo_type, &repo_driver, &skip_if_exists, &format), false,
     cli_repo_create},
    {"cloud repo list", "", 0, "List the repositories with the state of their databases",
     FLAGS(TARGETS, &page, &format), false, cli_repo_list},
    {"cloud repo describe", "", 0, "Show one repository",
     FLAGS(TARGETS, &by_slug, &by_id, &by_name, &format), false, cli_repo_describe},
    {"login", "[org]", 1, "Check a token and keep it, or its grant alone",
     FLAGS(GLOBAL, &token, &token_file, &grant_only, &format), false, cli_login},
    {"logout", "", 0, "Forget the token and its grant", FLAGS(GLOBAL), false, cli_logout},
    {"whoami", "", 0, "Show whom the token belongs to, and until when its grant is good",
     FLAGS(GLOBAL, &format), false, cli_whoami},
    {"project show", "", 0, "Print what the configuration evaluates to, as JSON", FLAGS(GLOBAL), true,
     cli_project_show},
    {"version", "", 0, "Print the version", no_flags, false, cli_version},
    {"license", "", 0, "Print the licence", no_flags, false, cli_license},
    {.path = NULL},
};
