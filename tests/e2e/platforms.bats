#!/usr/bin/env bats
# What a CI platform sees of an action: detection, inputs, outputs, log, summary, exit code.
load common
setup() { common_setup; }
teardown() { common_teardown; }

github() { # the environment of a step; outputs in $DIR/out, summary in $DIR/summary.md
    export GITHUB_ACTIONS=true GITHUB_REPOSITORY=acme/shop GITHUB_REF_NAME=main GITHUB_SHA=0123abcd GITHUB_ACTOR=ann \
        GITHUB_ACTOR_ID=42 GITHUB_EVENT_NAME=push GITHUB_EVENT_PATH=$DIR/event.json GITHUB_TOKEN=ghs_sometoken \
        GITHUB_OUTPUT=$DIR/out GITHUB_STEP_SUMMARY=$DIR/summary.md
    echo '{"repository":{"html_url":"https://github.com/acme/shop","default_branch":"main"}}' > event.json
}
pull_request() {
    export GITHUB_EVENT_NAME=pull_request GITHUB_HEAD_REF=feature
    echo '{"repository":{"html_url":"https://github.com/acme/shop"},"pull_request":{"number":7,
        "html_url":"https://github.com/acme/shop/pull/7","body":"b","head":{"sha":"feed"}}}' > event.json
}
gitlab() {
    mkdir -p ws
    export GITLAB_CI=true CI_PROJECT_NAME=shop CI_PROJECT_URL=https://gitlab.com/acme/shop CI_COMMIT_REF_NAME=main \
        CI_COMMIT_SHA=c0ffee GITLAB_USER_NAME=ann GITLAB_USER_ID=42 CI_PROJECT_DIR=$DIR/ws GITLAB_TOKEN=glpat-sometoken
}
circleci() { export CIRCLECI=true CIRCLE_PROJECT_REPONAME=shop CIRCLE_SHA1=beef CIRCLE_BRANCH=main BASH_ENV=$DIR/bash_env CIRCLE_REPOSITORY_URL=https://github.com/acme/shop; }
bitbucket() {
    export BITBUCKET_PIPELINE_UUID='{1}' BITBUCKET_REPO_FULL_NAME=acme/shop BITBUCKET_BRANCH=main BITBUCKET_COMMIT=b17b \
        BITBUCKET_GIT_HTTP_ORIGIN=https://bitbucket.org/acme/shop BITBUCKET_CLONE_DIR=$DIR/ws BITBUCKET_ACCESS_TOKEN=bbtoken123
}

gh_input() { env "INPUT_${1^^}=$2" "${@:3}"; } # NAME VALUE COMMAND...
gh_output() { # NAME: its value in GITHUB_OUTPUT
    awk -v want="$1" '
        d == "" { i = index($0, "<<"); name = substr($0, 1, i - 1); d = substr($0, i + 2); next }
        $0 == d { d = ""; next }
        name == want' "$GITHUB_OUTPUT"
}
outputs() { awk 'd == "" { i = index($0, "<<"); print substr($0, 1, i - 1); d = substr($0, i + 2); next } $0 == d { d = "" }' "$GITHUB_OUTPUT" | paste -sd' '; }
manifest() { jq -c ".manifest$1" "$DIR/registry/app/refs/tags/$2"; }
three() { # three files: 1 and 2 work, 3 fails at its second statement
    mkdir -p migrations
    echo 'CREATE TABLE a (x int);' > migrations/1_a.sql
    echo 'CREATE TABLE b (x int);' > migrations/2_b.sql
    printf 'CREATE TABLE c (x int);\nBAD;\n' > migrations/3_c.sql
    atlas migrate hash
}
DIGEST='sha256:[0-9a-f]{64}'

# --- GitHub ---------------------------------------------------------------------------------------

@test "GitHub: push sets every output, and the registry has the context of the push event" {
    github; migrations 2; serve
    run gh_input dir-name app atlas-action --action migrate/push
    echo "$output"; [ "$status" -eq 0 ]
    equal "$(outputs)" "url link slug digest copies degraded"
    equal "$(gh_output url)" "$REGISTRY/dirs/app/tags/0123abcd"
    equal "$(gh_output link)" "$REGISTRY/dirs/app/tags/0123abcd"
    equal "$(gh_output slug)" app
    [[ $(gh_output digest) =~ ^$DIGEST$ ]]
    equal "$(gh_output copies)" 1
    equal "$(gh_output degraded)" false
    equal "$(manifest .context 0123abcd)" '{"branch":"main","commit":"0123abcd","repo":"acme/shop","scmType":"GITHUB","url":"https://github.com/acme/shop","userID":"42","username":"ann"}'
    equal "$(manifest .context latest)" "$(manifest .context 0123abcd)"
    equal "$(manifest .version latest)" '"20260102000000"'
    has "$output" "::add-mask::aci_test_token" "::add-mask::ghs_sometoken"
    has "$output" "pushed atlas://app?tag=0123abcd"
    lacks "${output//::add-mask::aci_test_token/}" aci_test_token
}

@test "GitHub: a pull request's branch and URL are the context" {
    github; pull_request; migrations 1; serve
    run env INPUT_DIR-NAME=app INPUT_DIR=file://migrations INPUT_TAG=pr-7 INPUT_LATEST=false atlas-action --action migrate/push
    [ "$status" -eq 0 ]
    equal "$(manifest .context pr-7)" '{"branch":"feature","commit":"0123abcd","path":"file://migrations","repo":"acme/shop","scmType":"GITHUB","url":"https://github.com/acme/shop/pull/7","userID":"42","username":"ann"}'
    equal "$(gh_output url)" "$REGISTRY/dirs/app/tags/pr-7"
}

@test "GitHub: apply sets every output, writes the summary, and tells the registry" {
    github; migrations 2; serve
    atlas migrate push app >/dev/null
    run env INPUT_DIR=atlas://app INPUT_URL=sqlite://app.db ATLAS_ACTION=migrate/apply atlas-action
    echo "$output"; [ "$status" -eq 0 ]
    equal "$(outputs)" "current target applied_count pending_count runs"
    equal "$(gh_output current)" ""
    equal "$(gh_output target)" 20260102000000
    equal "$(gh_output applied_count)" 2
    equal "$(gh_output pending_count)" 2
    equal "$(gh_output runs)" '[{"current":"","target":"20260102000000","applied_count":2,"pending_count":2,"pending_files":["20260101000000_step1.sql","20260102000000_step2.sql"]}]'
    equal "$(tables app.db)" "t1 t2"
    has "$output" '"atlas migrate apply" completed successfully, applied to version "20260102000000"'
    has "$(cat summary.md)" "Migration Passed" "Migrate to Version | <code>20260102000000</code>" "2 migration files, 4 statements passed" 'CREATE TABLE t1'
    run env INPUT_DIR=atlas://app INPUT_URL=sqlite://app.db ATLAS_ACTION=migrate/apply atlas-action
    [ "$status" -eq 0 ]
    has "$output" "No migration files to execute"
    equal "$(gh_output current | tail -1)" 20260102000000
}

@test "GitHub: every input of migrate/apply" {
    github; migrations 4
    with() { run env "$@" INPUT_URL=sqlite://app.db atlas-action --action migrate/apply; }
    with INPUT_AMOUNT=1 INPUT_DRY-RUN=true;  [ "$status" -eq 0 ]; [ ! -s app.db ] || equal "$(tables app.db)" ""
    with INPUT_AMOUNT=1;                     equal "$(tables app.db)" "t1"
    with INPUT_TO-VERSION=20260102000000;    equal "$(tables app.db)" "t1 t2"
    with INPUT_TX-MODE=none INPUT_AMOUNT=1 INPUT_DIR=file://migrations;  equal "$(tables app.db)" "t1 t2 t3"
    with INPUT_WORKING-DIRECTORY=elsewhere;  [ "$status" -eq 1 ]; has "$output" "::error::failed to change working directory: chdir elsewhere: No such file or directory"
    echo 'CREATE TABLE late (x int);' > migrations/20260102100000_late.sql; atlas migrate hash
    with INPUT_EXEC-ORDER=linear;            [ "$status" -eq 1 ]; has "$output" "migration file 20260102100000_late.sql was added out of order. See: https://atlasgo.io/versioned/apply#non-linear-error"
    with INPUT_EXEC-ORDER=linear-skip;       equal "$(tables app.db)" "t1 t2 t3 t4"
    with INPUT_EXEC-ORDER=non-linear;        equal "$(tables app.db)" "late t1 t2 t3 t4"
    with INPUT_REVISIONS-SCHEMA=other;       [ "$status" -eq 1 ]
    sqlite3 dirty.db 'create table mine (x int)'
    run env INPUT_URL=sqlite://dirty.db atlas-action --action migrate/apply
    [ "$status" -eq 1 ]; has "$output" "not clean"
    run env INPUT_URL=sqlite://dirty.db INPUT_BASELINE=20260103000000 atlas-action --action migrate/apply
    [ "$status" -eq 0 ]; equal "$(tables dirty.db)" "mine t4"
    sqlite3 dirty2.db 'create table mine (x int)'
    mkdir sub; mv dirty2.db migrations sub/
    run env INPUT_URL=sqlite://dirty2.db INPUT_ALLOW-DIRTY=true INPUT_WORKING-DIRECTORY=sub atlas-action --action migrate/apply
    [ "$status" -eq 0 ]; equal "$(tables sub/dirty2.db)" "late mine t1 t2 t3 t4"
}

@test "GitHub: inputs that are no numbers, booleans or JSON are named" {
    github; migrations 1
    try() { run env "$1=$2" INPUT_URL=sqlite://app.db atlas-action --action migrate/apply; [ "$status" -eq 1 ]; has "$output" "::error::$3"; [ ! -e app.db ]; }
    try INPUT_AMOUNT x 'the input "amount" got invalid value for uint64: strconv.ParseUint: parsing "x": invalid syntax'
    try INPUT_AMOUNT -1 'the input "amount" got invalid value for uint64: strconv.ParseUint: parsing "-1": invalid syntax'
    try INPUT_ALLOW-DIRTY maybe 'the input "allow-dirty" got invalid value for boolean: strconv.ParseBool: parsing "maybe": invalid syntax'
    try INPUT_DRY-RUN yes 'the input "dry-run" got invalid value for boolean: strconv.ParseBool: parsing "yes": invalid syntax'
    try INPUT_VARS '{a' 'the input "vars" is not a valid JSON string'
    try INPUT_TX-MODE both 'unknown tx-mode "both"'
    try INPUT_EXEC-ORDER any 'unknown exec-order "any"'
}

@test "GitHub: a failed statement fails the step; outputs and summary still tell" {
    github; three
    run env INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 1 ]
    local e='sql/migrate: executing statement "BAD;" from version "3": near "BAD": syntax error'
    has "$output" "::error::$e"
    equal "$(outputs)" "current target applied_count pending_count runs error"
    equal "$(gh_output error)" "$e"
    equal "$(gh_output target)" 3
    equal "$(gh_output pending_count)" 3
    has "$(cat summary.md)" "Migration Failed" "<code>BAD;</code>"
    equal "$(tables app.db)" "a b"
}

@test "GitHub: a checksum error is explained and nothing runs" {
    github; migrations 2; echo '-- edited' >> migrations/20260102000000_step2.sql
    run env INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 1 ]
    has "$output" "::error::checksum mismatch" "L3: 20260102000000_step2.sql was edited"
    equal "$(gh_output error)" "checksum mismatch"
    [ ! -e app.db ] || equal "$(tables app.db)" ""
}

@test "GitHub: unknown inputs warn and name the nearest; empty ones are silent" {
    github; migrations 1; serve
    run env INPUT_DIR-NAMES=x INPUT_ZZZZZZ=1 INPUT_EMPTY= INPUT_DIR-NAME=app INPUT_AMOUNT=3 atlas-action --action migrate/push
    [ "$status" -eq 0 ]
    has "$output" '::warning::unknown input "dir-names" is ignored; did you mean "dir-name"?' '::warning::unknown input "zzzzzz" is ignored'
    lacks "$output" '"empty"'
    lacks "$output" '"amount"'
}

@test "GitHub: unknown and missing actions" {
    github
    run atlas-action --action migrate/aply
    [ "$status" -eq 1 ]; has "$output" "::error::unknown action: migrate/aply" "did you mean migrate/apply?"
    ATLAS_ACTION=shchema/x run atlas-action
    [ "$status" -eq 1 ]; has "$output" "unknown action: shchema/x"
    run atlas-action
    [ "$status" -eq 1 ]; has "$output" "no action is given: use --action or ATLAS_ACTION"
    run atlas-action --what
    [ "$status" -eq 1 ]; has "$output" 'unknown argument "--what"'
    run atlas-action --version
    [ "$status" -eq 0 ]; [[ $output =~ ^atlas-action\ version\ v[0-9]+\.[0-9]+\.[0-9]+-[0-9a-f]*$ ]]
    run atlas-action --help
    [ "$status" -eq 0 ]; has "$output" "migrate/apply" "migrate/push"
}

@test "GitHub: several targets, runs has one row each, also when one fails" {
    github; three
    cat > atlas.hcl <<'H'
env "tenants" {
  for_each = toset(["one", "two", "three"])
  url      = "sqlite://${each.value}.db"
}
H
    sqlite3 three.db 'create table c (x int)'
    run env INPUT_ENV=tenants INPUT_CONFIG=file://atlas.hcl INPUT_AMOUNT=2 INPUT_ALLOW-DIRTY=true atlas-action --action migrate/apply
    echo "$output"; [ "$status" -eq 0 ]
    equal "$(gh_output runs | jq -c '[.[].target]')" '["2","2","2"]'
    : > "$GITHUB_OUTPUT"
    run env INPUT_ENV=tenants INPUT_AMOUNT=1 INPUT_CONFIG=file://atlas.hcl atlas-action --action migrate/apply
    [ "$status" -eq 1 ]
    equal "$(gh_output runs | jq -c '[.[]|[.current,.target,.applied_count]]')" '[["2","3",1]]'
    has "$(gh_output error)" 'executing statement'
}

@test "GitHub: missing GITHUB_OUTPUT is a warning, a broken event an error" {
    github; migrations 1; unset GITHUB_OUTPUT GITHUB_STEP_SUMMARY
    run env INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 0 ]; has "$output" "::warning::" "GITHUB_OUTPUT"
    github; serve; echo '{nope' > event.json
    run gh_input dir-name app atlas-action --action migrate/push
    [ "$status" -eq 1 ]; has "$output" "::error::" "event.json"
    rm event.json
    run gh_input dir-name app atlas-action --action migrate/push
    [ "$status" -eq 0 ]
}

# --- the other platforms --------------------------------------------------------------------------

@test "GitLab: outputs in the dotenv file, context, log" {
    gitlab; migrations 1; serve
    run env ATLAS_INPUT_DIR_NAME=app atlas-action --action migrate/push
    [ "$status" -eq 0 ]; lacks "$output" "::"
    equal "$(sed -E "s/$DIGEST/D/" ws/.env)" "ATLAS_OUTPUT_MIGRATE_PUSH_URL=$REGISTRY/dirs/app/tags/c0ffee
ATLAS_OUTPUT_MIGRATE_PUSH_LINK=$REGISTRY/dirs/app/tags/c0ffee
ATLAS_OUTPUT_MIGRATE_PUSH_SLUG=app
ATLAS_OUTPUT_MIGRATE_PUSH_DIGEST=D
ATLAS_OUTPUT_MIGRATE_PUSH_COPIES=1
ATLAS_OUTPUT_MIGRATE_PUSH_DEGRADED=false"
    equal "$(manifest .context latest)" '{"branch":"main","commit":"c0ffee","repo":"shop","scmType":"GITLAB","url":"https://gitlab.com/acme/shop","userID":"42","username":"ann"}'
    ATLAS_DOTENV=$DIR/mine.env run env 'ATLAS_INPUT_URL="sqlite://app.db"' atlas-action --action migrate/apply
    [ "$status" -eq 0 ]
    has "$(cat mine.env)" 'ATLAS_OUTPUT_MIGRATE_APPLY_TARGET=20260101000000' 'ATLAS_OUTPUT_MIGRATE_APPLY_RUNS=[{"current":"","target":"20260101000000"'
    export CI_MERGE_REQUEST_IID=9 CI_MERGE_REQUEST_REF_PATH=refs/merge-requests/9/head
    run env ATLAS_INPUT_DIR_NAME=app ATLAS_INPUT_TAG=mr atlas-action --action migrate/push
    equal "$(manifest .context.url mr)" '"refs/merge-requests/9/head"'
}

@test "CircleCI: outputs in BASH_ENV, inputs with either prefix" {
    circleci; migrations 1; serve
    run env ATLAS_INPUT_DIR_NAME=app atlas-action --action migrate/push
    [ "$status" -eq 0 ]
    equal "$(. ./bash_env; echo "$ATLAS_OUTPUT_MIGRATE_PUSH_URL $ATLAS_OUTPUT_MIGRATE_PUSH_SLUG $ATLAS_OUTPUT_MIGRATE_PUSH_COPIES")" "$REGISTRY/dirs/app/tags/beef app 1"
    equal "$(manifest .context latest)" '{"branch":"main","commit":"beef","repo":"shop","scmType":"GITHUB","url":"https://github.com/acme/shop"}'
    run env INPUT_DIR_NAME=app INPUT_TAG=old atlas-action --action migrate/push
    [ "$status" -eq 0 ]; equal "$(manifest .slug old)" '"app"'
    run env -u CIRCLE_SHA1 ATLAS_INPUT_DIR_NAME=app atlas-action --action migrate/push
    [ "$status" -eq 1 ]; has "$output" "missing CIRCLE_SHA1 environment variable"
}

@test "Bitbucket: outputs.sh and outputs.json, coloured log" {
    bitbucket; migrations 1; serve
    run env ATLAS_INPUT_DIR_NAME=app ATLAS_INPUT_DIR_NAMEE=x atlas-action --action migrate/push
    [ "$status" -eq 0 ]
    has "$output" $'\e[33munknown input "dir-namee" is ignored; did you mean "dir-name"?\e[0m'
    equal "$(sh -c '. ws/.atlas-action/outputs.sh; echo $ATLAS_OUTPUT_MIGRATE_PUSH_URL')" "$REGISTRY/dirs/app/tags/b17b"
    equal "$(jq -r .ATLAS_OUTPUT_MIGRATE_PUSH_SLUG ws/.atlas-action/outputs.json)" app
    equal "$(manifest .context latest)" '{"branch":"main","commit":"b17b","repo":"acme/shop","scmType":"BITBUCKET","url":"https://bitbucket.org/acme/shop"}'
    export BITBUCKET_PR_ID=3 ATLAS_OUTPUT_DIR=$DIR/o
    run env ATLAS_INPUT_DIR_NAME=app ATLAS_INPUT_TAG=pr atlas-action --action migrate/push
    equal "$(manifest .context.url pr)" '"https://bitbucket.org/acme/shop/pull-requests/3"'
    [ -s o/outputs.sh ] && [ -s o/outputs.json ]
}

@test "terminal: inputs from ATLAS_INPUT_*, outputs as lines" {
    migrations 1; serve
    run env ATLAS_INPUT_DIR_NAME=app atlas-action --action migrate/push
    [ "$status" -eq 0 ]
    has "$output" "url=$REGISTRY/dirs/app" "slug=app" "copies=1" "degraded=false"
    run env ATLAS_INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 0 ]
    has "$output" "target=20260101000000" "applied_count=1" "Migrating to version 20260101000000 (1 migrations in total):"
    run env ATLAS_PATH=/nowhere ATLAS_INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 0 ]
}

@test "detection: the first that matches wins" {
    migrations 1; github; gitlab; circleci
    run env INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 0 ]; equal "$(gh_output target)" 20260101000000; [ ! -e ws/.env ]; [ ! -e bash_env ]
    GITHUB_ACTIONS=false run env ATLAS_INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 0 ]; [ -s bash_env ]; [ ! -e ws/.env ]
}

@test "push needs a name and a token, and says so" {
    github; migrations 1
    run atlas-action --action migrate/push
    [ "$status" -eq 1 ]; has "$output" "::error::failed to push directory: directory name cannot be empty"
    run gh_input dir-name app atlas-action --action migrate/push
    [ "$status" -eq 1 ]; has "$output" "command requires 'atlas login'"
    ATLAS_TOKEN=aci_x ATLAS_CLOUD_URL=http://127.0.0.1:1/query ATLAS_HTTP_TIMEOUT=1 run gh_input dir-name atlas://app atlas-action --action migrate/push
    [ "$status" -eq 1 ]; has "$output" "slug must be lowercase alphanumeric and may contain /.-_"
}

@test "push with an env: dir-name and dir from atlas.hcl, min-copies, degraded" {
    github; migrations 1; mv migrations schema-changes
    cat > atlas.hcl <<'H'
variable "copy" { type = string }
env "ci" {
  migration {
    dir = "file://schema-changes"
    repo {
      name   = "app"
      backup = ["file://b1", var.copy]
    }
  }
}
H
    run env INPUT_ENV=ci INPUT_CONFIG=file://atlas.hcl 'INPUT_VARS={"copy":"file://b2"}' INPUT_MIN-COPIES=2 atlas-action --action migrate/push
    echo "$output"; [ "$status" -eq 0 ]
    equal "$(gh_output copies)" 2
    [ -e b1/app/refs/tags/0123abcd ] && [ -e b2/app/refs/tags/latest ]
    : > not-a-dir; : > "$GITHUB_OUTPUT"
    run env INPUT_ENV=ci INPUT_CONFIG=file://atlas.hcl 'INPUT_VARS={"copy":"file://not-a-dir"}' atlas-action --action migrate/push
    [ "$status" -eq 0 ]; equal "$(gh_output degraded)" true; equal "$(gh_output copies)" 1
    has "$output" "::warning::backup file://not-a-dir could not be written"
    run env INPUT_ENV=ci INPUT_CONFIG=file://atlas.hcl 'INPUT_VARS={"copy":"file://not-a-dir"}' INPUT_MIN-COPIES=2 atlas-action --action migrate/push
    [ "$status" -eq 1 ]; has "$output" "1 of 2 targets took the push, min_copies wants 2"
}

# --- forgery --------------------------------------------------------------------------------------

commands() { # the runner's view of a log: commands outside stop-commands blocks
    awk '
        stop == "" && match($0, /^[ \t]*::stop-commands::/) { stop = substr($0, RSTART + RLENGTH); next }
        stop != "" { if ($0 == "::" stop "::") stop = ""; next }
        /^[ \t]*::/ || /##\[/ { print }' <<< "$1"
}

@test "GitHub: SQL, errors and file names cannot forge commands" {
    github; mkdir migrations
    printf "CREATE TABLE a (x text);\nINSERT INTO a VALUES ('\n::error::forged1\n  ::set-output name=x::forged2\n##[error]forged3\n%%0A::error::forged4');\n" > migrations/1_a.sql
    printf "CREATE TABLE b (x int);\nSELECT \"\n::error::forged5%%0A::warning::forged6\n##[command]forged7\" FROM nope;\n" > migrations/2_b.sql
    atlas migrate hash
    run env INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 1 ]
    local seen; seen=$(commands "$output"); echo "$seen"
    equal "$(grep -vc '^::add-mask::' <<< "$seen")" 1
    has "$seen" '::error::sql/migrate: executing statement'
    has "$seen" '%250A::warning::forged6'
    [[ $(gh_output error) == *forged5* ]]
}

@test "GitHub: names of directories, inputs and environments cannot forge commands" {
    github
    local evil=$'x\n::error::forged'
    for input in URL=sqlite:// DIR=file:// ENV= CONFIG=file:// WORKING-DIRECTORY= TX-MODE= AMOUNT=; do
        run env "INPUT_$input$evil" atlas-action --action migrate/apply
        [ "$status" -eq 1 ]
        ! grep -q '^::error::forged' <<< "$output"
    done
    run atlas-action --action "$evil"
    [ "$status" -eq 1 ]; ! grep -q '^::error::forged' <<< "$output"
    mkdir migrations; echo 'CREATE TABLE a (x int);' > "migrations/1_::error::x%0A::error::y.sql"
    echo 'BAD;' > migrations/2_bad.sql; atlas migrate hash
    cp -r migrations lines; echo 'BAD;' > $'lines/2_\n::error::forged.sql'
    for dir in migrations lines; do
        run env INPUT_URL=sqlite://app.db INPUT_DIR=file://$dir atlas-action --action migrate/apply
        [ "$status" -eq 1 ]
        ! commands "$output" | grep -v '^::add-mask::' | grep -q '^::error::\(forged\|y\)'
    done
}

@test "GitHub: an output's value cannot end its block" {
    github; mkdir migrations
    printf 'SELECT "a\n_GitHubActionsFileCommandDelimeter_\nforged=1" FROM nope;\n' > migrations/1_a.sql
    atlas migrate hash
    run env INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 1 ]
    equal "$(outputs)" "current target applied_count pending_count runs error"
    has "$(gh_output error)" 'no such table: nope'
}

@test "shell files: no value runs as code" {
    local evil="'; touch pwned1; '\$(touch pwned2)\`touch pwned3\`\"\$(touch pwned4)\" \\" sh
    mkdir migrations; printf 'SELECT 1 FROM "%s\n$(touch pwned5)";\n' "${evil//\"/}" > migrations/1_a.sql; atlas migrate hash
    circleci
    run env ATLAS_INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 1 ]
    unset CIRCLECI; bitbucket
    run env ATLAS_INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 1 ]
    for sh in sh bash; do
        for file in bash_env ws/.atlas-action/outputs.sh; do
            run $sh -c ". ./$file; printf %s \"\$ATLAS_OUTPUT_MIGRATE_APPLY_ERROR\""
            [ "$status" -eq 0 ]; has "$output" 'touch pwned1' '$(touch pwned2)' '$(touch pwned5)'
        done
    done
    equal "$(find . -name 'pwned*')" ""
    equal "$(jq -r .ATLAS_OUTPUT_MIGRATE_APPLY_ERROR ws/.atlas-action/outputs.json)" "$output"
}

@test "GitLab: a value with newlines stays one line, large ones go to outputs.json" {
    gitlab; mkdir migrations
    printf 'SELECT 1 FROM "x\nFORGED=1\n";\n' > migrations/1_a.sql; atlas migrate hash
    run env ATLAS_INPUT_URL=sqlite://app.db atlas-action --action migrate/apply
    [ "$status" -eq 1 ]; ! grep -q '^FORGED' ws/.env
    has "$(cat ws/.env)" '\nFORGED=1\n'
    printf 'SELECT 1 FROM "%05000d";\n' 7 > migrations/1_a.sql; atlas migrate hash
    run env ATLAS_INPUT_URL=sqlite://app2.db atlas-action --action migrate/apply
    [ "$status" -eq 1 ]; [ "$(stat -c %s ws/.env)" -le 5120 ]
    has "$output" "does not fit into the 5 KB of a dotenv report"
    has "$(jq -r .ATLAS_OUTPUT_MIGRATE_APPLY_ERROR ws/outputs.json)" 0000000000007
}

@test "secrets of URLs and tokens are masked in the log, outputs and summary" {
    github; migrations 1; export ATLAS_TOKEN=aci_topsecret1 ATLAS_CLOUD_URL=http://127.0.0.1:1/query ATLAS_HTTP_TIMEOUT=1
    run gh_input dir-name app atlas-action --action migrate/push
    [ "$status" -eq 1 ]; lacks "${output//::add-mask::aci_topsecret1/}" topsecret1
    run env 'INPUT_URL=postgres://u:s3cretpw@127.0.0.1:1/db' atlas-action --action migrate/apply
    [ "$status" -eq 1 ]; lacks "${output//::add-mask::s3cretpw/}" s3cretpw
    ! grep -rq 's3cretpw\|topsecret1' out summary.md
}
