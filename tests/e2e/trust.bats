#!/usr/bin/env bats
# Signed refs, outage rehearsals, repositories as such, and the actions over them.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; }
teardown() { common_teardown; }

keys() { # NAME: makes NAME.key and sets PUBLIC
    atlas registry key new > "$1.out"
    sed -nE '2s/^ +//p' "$1.out" > "$1.key"; PUBLIC=$(sed -nE '4s/^ +//p' "$1.out")
    [[ $(cat "$1.key") =~ ^ed25519-private:[A-Za-z0-9+/]{43}=$ && $PUBLIC =~ ^ed25519:[A-Za-z0-9+/]{43}=$ ]]
}
pinned() { # KEY...: atlas.hcl as project() makes it, with `verify`
    local list; list=$(printf '"%s", ' "$@")
    sed -i "s#backup = #verify = [${list%, }]\n      backup = #" atlas.hcl
}
action() { # ID ARGS...: under GitHub's environment; outputs in out, summary in summary
    local id=$1; shift
    : > out; : > summary
    echo '{"repository":{"html_url":"https://github.com/acme/shop","default_branch":"main"}}' > event.json
    env GITHUB_ACTIONS=true GITHUB_OUTPUT="$PWD/out" GITHUB_STEP_SUMMARY="$PWD/summary" GITHUB_REPOSITORY=acme/shop \
        GITHUB_SHA=0123abcd GITHUB_REF_NAME=main GITHUB_ACTOR=ann GITHUB_ACTOR_ID=42 GITHUB_EVENT_NAME=push GITHUB_EVENT_PATH="$PWD/event.json" \
        GITHUB_TOKEN=ghs_sometoken "$@" atlas-action --action "$id"
}

# --- signed refs ----------------------------------------------------------------------------------

@test "signed: a backup rewritten consistently is named and skipped; sync makes it good" {
    migrations 1; project "url=file://$DIR/registry" "file://$DIR/b1" "file://$DIR/b2"; keys ours; pinned "$PUBLIC"
    ATLAS_SIGN_KEY=$(cat ours.key) atlas migrate push --env ci
    jq -e '.sigs[0].kid | length == 16' b1/app/refs/tags/latest
    # A thief with write access to b1 pushes a directory of their own, with a key of their own.
    mkdir thief; cp -r migrations thief/; ( cd thief; echo 'DROP TABLE t1;' > migrations/20270101000000_evil.sql; atlas migrate hash
        sed "s#file://$DIR/registry#file://$DIR/b1#; /verify/d; /backup/d" ../atlas.hcl > atlas.hcl; keys thief
        atlas migrate push --env ci --sign-key-file thief.key )
    ATLAS_SIMULATE=primary:down run --separate-stderr atlas migrate ls --env prod
    [ "$status" -eq 0 ]; lacks "$output" evil
    has "$stderr" "file://$DIR/b1: skipped: tag latest is not signed by a key that \`verify\` pins" "file://$DIR/b2 serves"
    run atlas registry verify --env ci; [ "$status" -eq 1 ]; has "$output" "damaged      tag latest"
    run atlas registry sync --env ci; [ "$status" -eq 1 ] # what the thief alone has is nobody's to mend
    has "$output" "copied       tag latest" "no copy of it is whole: remove it by hand"
    ATLAS_SIMULATE=primary:503 run --separate-stderr atlas migrate ls --env prod; has "$stderr" "file://$DIR/b1 serves"
}

@test "signed: an unsigned push under verify, a missing key, a wrong key" {
    migrations 1; project "url=file://$DIR/registry" "file://$DIR/b1"; atlas migrate push --env ci # nobody signs
    cp -r registry kept; keys ours; pinned "$PUBLIC"
    run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 1 ]; has "$stderr" "pins keys with verify, and there is no signing key"; diff -r registry kept
    keys theirs; run --separate-stderr atlas migrate push --env ci --sign-key-file theirs.key; [ "$status" -eq 1 ]; has "$stderr" "the signing key is none of them"
    run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 1 ]; has "$stderr" "is not signed, and \`verify\` asks for a signature"
    run --separate-stderr atlas migrate push --env ci --sign-key-file none.key; [ "$status" -eq 1 ]; has "$stderr" "the signing key: reading none.key: No such file"
    echo "bad-key-material-0" > bad.key
    run --separate-stderr atlas migrate push --env ci --sign-key-file bad.key; [ "$status" -eq 1 ]; has "$stderr" "the signing key cannot be read"
    atlas migrate push --env ci --sign-key-file ours.key # the damaged refs are replaced
    run atlas migrate ls --env prod; [ "$status" -eq 0 ]
    openssl genpkey -algorithm ed25519 -out pem.key 2>/dev/null
    ATLAS_SIGN_KEY=$(cat pem.key) run --separate-stderr atlas migrate push app:other --env ci; [ "$status" -eq 1 ]; has "$stderr" "is none of them"
    sed -i 's/"ed25519:[^"]*"/"ed25519:short"/' atlas.hcl
    run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 1 ]; has "$stderr" '"verify" holds a key that is not written as ed25519:BASE64'
}

@test "signed: what a server signs can be read from its bucket with verify" {
    migrations 1; keys ours; serve --sign-key "$DIR/ours.key"
    atlas migrate push app; stop_serving
    project "url=file://$DIR/registry" "file://$DIR/b1"; pinned "$PUBLIC"
    run atlas migrate ls --env prod; [ "$status" -eq 0 ]; has "$output" step1
}

# --- rehearsals -----------------------------------------------------------------------------------

@test "rehearsal: targets fail as told in an otherwise real run, and the log says so" {
    migrations 2; project "url=file://$DIR/registry" "file://$DIR/b1" "file://$DIR/b2"
    run --separate-stderr atlas migrate push --env ci --simulate 'primary:down,backup1:403,backup2:slow=300ms'
    [ "$status" -eq 0 ]; has "$stderr" "OUTAGE REHEARSAL: primary" "OUTAGE REHEARSAL: backup1" "HTTP 403 (simulated)" "connection refused (simulated)"
    [ ! -e registry ]; [ ! -e b1 ]; jq -e .pending_primary b2/app/refs/tags/latest
    # Applied from the backup, while the "outage" lasts; then brought home.
    ATLAS_SIMULATE=primary:500 run --separate-stderr atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables app.db)" "t1 t2"
    has "$stderr" "HTTP 500 (simulated)"
    atlas registry sync --env ci; run atlas registry verify --env ci; [ "$status" -eq 0 ]
    ATLAS_SIMULATE=primary:401 run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 1 ]; has "$stderr" "HTTP 401 (simulated)"
    ATLAS_SIMULATE=primary:damaged run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 0 ]; has "$stderr" "asking the backups for the same digest"
    ATLAS_HTTP_TIMEOUT=1 ATLAS_SIMULATE=primary:timeout run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 0 ]; has "$stderr" "no answer in time (simulated)"
    ATLAS_SIMULATE=backup9:down run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 1 ]; has "$stderr" 'simulation "backup9:down": this repository has no such target'
    ATLAS_SIMULATE=primary:tired run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 1 ]; has "$stderr" '"tired" is no failure to simulate'
}

@test "rehearsal: in an action, with the outputs of the real thing" {
    migrations 1; project "url=file://$DIR/registry" "file://$DIR/b1"
    run action migrate/push INPUT_ENV=ci INPUT_CONFIG=file://atlas.hcl ATLAS_SIMULATE=primary:503
    [ "$status" -eq 0 ]; has "$output" "::warning::OUTAGE REHEARSAL: primary"
    has "$(cat out)" "degraded"; equal "$(grep -A1 '^copies' out | tail -1)" 1
    run action migrate/push INPUT_ENV=ci INPUT_CONFIG=file://atlas.hcl INPUT_MIN-COPIES=2 ATLAS_SIMULATE=backup1:down
    [ "$status" -eq 1 ]; has "$output" "1 of 2 targets took the push, min_copies wants 2" "file://$DIR/b1"
}

# --- repositories ---------------------------------------------------------------------------------

repositories() { # [FLAGS...]: the commands, on whatever registry these reach
    run atlas cloud repo create --name shop --type m --driver postgres "$@"; [ "$status" -eq 0 ]
    has "$output" "Slug: shop" "Type: MIGRATION_DIRECTORY" "Driver: POSTGRESQL" "URL: "
    run --separate-stderr atlas cloud repo create --name shop --type migration_directory --driver postgres "$@"
    [ "$status" -eq 1 ]; equal "$stderr" 'Error: repository "shop" already exists'
    run --separate-stderr atlas cloud repo create --name shop --type migration_directory --driver postgres --skip-if-exists "$@"
    [ "$status" -eq 0 ]; has "$stderr" '"shop" already exists'
    run --separate-stderr atlas cloud repo create --name shop --type s --driver postgres --skip-if-exists "$@"; [ "$status" -eq 1 ]
    atlas cloud repo create --name shop-schema --type SCHEMA --driver mysql --format '{{ .Slug }} {{ .Type }}' "$@" > created
    equal "$(cat created)" "shop-schema SCHEMA"
    run --separate-stderr atlas cloud repo create --name x --type thing --driver mysql "$@"; [ "$status" -eq 1 ]; has "$stderr" 'unknown type "thing"'
    run --separate-stderr atlas cloud repo create --name 'No Slug' --type s --driver mysql "$@"; [ "$status" -eq 1 ]; has "$stderr" "invalid slug"
    run --separate-stderr atlas cloud repo create --name x "$@"; [ "$status" -eq 1 ]; has "$stderr" 'required flag(s) "driver", "type" not set'
    run atlas cloud repo list "$@"; [ "$status" -eq 0 ]; has "$output" "SLUG" "DATABASES" "shop-schema  SCHEMA" "Page: 1, page size: 25, total: 2"
    run atlas cloud repo list --page 2 "$@"; lacks "$output" "shop-schema"; has "$output" "total: 2"
    run atlas cloud repo describe --slug shop "$@"; has "$output" "Title: shop" "Databases Synced: 0" "Databases Pending: 0"
    run atlas cloud repo describe --name shop-schema --format '{{ .Type }}' "$@"; equal "$output" SCHEMA
    run --separate-stderr atlas cloud repo describe --slug none "$@"; [ "$status" -eq 1 ]; has "$stderr" "not found"
    run --separate-stderr atlas cloud repo describe "$@"; [ "$status" -eq 1 ]; has "$stderr" "exactly one of --slug, --id and --name is needed"
}

@test "cloud repo: on a registry server" { serve; repositories; }
@test "cloud repo: on a store of one's own" { project "url=file://$DIR/registry"; repositories --env ci; }
@test "cloud repo: without a registry" {
    run --separate-stderr atlas cloud repo list; [ "$status" -eq 1 ]; equal "$stderr" "Error: command requires 'atlas login'"
}

@test "cloud repo: databases are counted by their last report" {
    migrations 2; serve; printf 'env "prod" {\n  url = getenv("DB")\n  migration {\n    dir = "atlas://app"\n  }\n}\n' > atlas.hcl
    atlas migrate push app
    DB=sqlite://a.db atlas migrate apply --env prod; DB=sqlite://b.db atlas migrate apply 1 --env prod
    sqlite3 c.db 'create table x (y int)'; DB=sqlite://c.db run atlas migrate apply --env prod --allow-dirty --tx-mode none
    sqlite3 d.db 'create table t2 (y int)'; DB=sqlite://d.db run atlas migrate apply --env prod --allow-dirty; [ "$status" -eq 1 ]
    run atlas cloud repo describe --slug app; has "$output" "Databases Synced: 2" "Databases Failed: 1" "Databases Pending: 1"
    run atlas cloud repo list --format '{{ range .Repos }}{{ .Slug }} {{ .Databases.Synced }}/{{ .Databases.Failed }}/{{ .Databases.Pending }}{{ end }}'
    equal "$output" "app 2/1/1"
}

# --- actions --------------------------------------------------------------------------------------

@test "actions: create-repo, registry/verify, registry/sync with summary and outputs" {
    migrations 1; project "url=file://$DIR/registry" "file://$DIR/b1"
    run action create-repo INPUT_NAME=app INPUT_TYPE=migration INPUT_DRIVER=sqlite INPUT_ENV=ci INPUT_CONFIG=file://atlas.hcl
    [ "$status" -eq 0 ]; has "$(cat out)" "url" "atlas://app"
    run action create-repo INPUT_NAME=app INPUT_TYPE=migration INPUT_DRIVER=sqlite INPUT_ENV=ci INPUT_CONFIG=file://atlas.hcl
    [ "$status" -eq 0 ]; has "$output" "already exists"
    run action create-repo INPUT_NAME=app INPUT_TYPE=schema INPUT_DRIVER=sqlite INPUT_ENV=ci INPUT_CONFIG=file://atlas.hcl
    [ "$status" -eq 1 ]; has "$output" "::error::failed to create the repo: repository"
    ATLAS_SIMULATE=backup1:down atlas migrate push --env ci
    run action registry/verify INPUT_ENV=ci INPUT_CONFIG=file://atlas.hcl
    [ "$status" -eq 1 ]; has "$output" "missing" "::error::some copies are not whole"; has "$(cat summary)" "Registry audit: not all is well" "| Target | Ref | Status |" missing
    has "$(cat out)" "false"
    run action registry/sync INPUT_ENV=ci INPUT_CONFIG=file://atlas.hcl
    [ "$status" -eq 0 ]; has "$(cat summary)" "Registry sync: all copies are whole" copied
    run action registry/verify INPUT_ENV=ci INPUT_CONFIG=file://atlas.hcl
    [ "$status" -eq 0 ]; has "$(cat out)" "true"; grep -A1 '^report' out | tail -1 | jq -e '.Targets | length == 2'
}

@test "audits show a bar on a terminal, and nothing of it elsewhere" {
    migrations 1; project "url=file://$DIR/registry" "file://$DIR/b1"; atlas migrate push --env ci
    run --separate-stderr atlas registry verify --env ci; [ "$status" -eq 0 ]; equal "$stderr" ""
    TERM=xterm script -qec "atlas registry verify --env ci" typescript > /dev/null; has "$(cat typescript)" '####' '1/4'
    run atlas registry verify --env ci --format '{{ json . }}'; jq -e '.Slug == "app" and (.Targets[1].Refs[0] | has("Name") and has("Digest") and .Status == "ok")' <<< "$output"
}
