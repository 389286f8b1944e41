#!/usr/bin/env bats
# The stories of grant-cache.md section 3, one per platform: the first pipeline leaves a grant; the registry stops; the second
# pipeline, on a fresh machine, restores it, pushes to the backups and applies from them; the third, with a revoked token and the
# registry back, fails and leaves a tombstone; the fourth, offline again, cannot use the old grant.
bats_require_minimum_version 1.5.0
load common
setup_file() { "$ATLAS_ROOT/tests/servers/cache-client" install >&2; }
setup() { common_setup; TOKEN=aci_0123456789abcdef0123456789abcdef; }
teardown() { common_teardown; }

tokens_file() { printf 'ci-bot:%s:push\n' "$(printf %s "$TOKEN" | sha256sum | cut -d' ' -f1)" > tokens; }
registry() { tokens_file; serve --tokens tokens; ADDRESS=${REGISTRY#http://}; export ATLAS_TOKEN=$TOKEN; }
back() { # the registry comes back at its old address
    atlas registry serve --store "file://$DIR/registry" --listen "$ADDRESS" --tokens tokens > serve.log 2>&1 3>&- &
    echo $! > serve.pid; wait_tcp "${ADDRESS##*:}"
}
machine() { rm -rf "$HOME"; mkdir -p "$HOME"; } # a fresh one: nothing but what the platform's cache brings

github() { # [v1]: the environment of a step, with a cache service
    start_tool cache cache-service "$DIR/cache.port" "$DIR/cache.log"; CACHE=http://127.0.0.1:$PORT
    echo '{"repository":{"html_url":"https://github.com/acme/shop","default_branch":"main"}}' > event.json
    export GITHUB_ACTIONS=true GITHUB_REPOSITORY=acme/shop GITHUB_REF_NAME=main GITHUB_SHA=0123abcd GITHUB_ACTOR=ann GITHUB_ACTOR_ID=42 \
        GITHUB_EVENT_NAME=push GITHUB_EVENT_PATH=$DIR/event.json GITHUB_TOKEN=ghs_sometoken GITHUB_OUTPUT=$DIR/out \
        GITHUB_STEP_SUMMARY=$DIR/summary.md GITHUB_WORKSPACE=$DIR ACTIONS_RUNTIME_TOKEN=runtime-token INPUT_CONFIG=file://atlas.hcl
    if [ "${1:-}" = v1 ]; then export GITHUB_SERVER_URL=https://github.acme.com ACTIONS_CACHE_URL=$CACHE/
    else export GITHUB_SERVER_URL=https://github.com ACTIONS_RESULTS_URL=$CACHE/; fi
    input() { export "INPUT_$1=$2"; }
}
gitlab() {
    echo 0 > out
    export GITLAB_CI=true CI_PROJECT_PATH=acme/shop CI_PROJECT_URL=https://gitlab.com/acme/shop CI_COMMIT_REF_NAME=main CI_COMMIT_SHA=0123abcd \
        CI_PROJECT_DIR=$DIR CI_API_V4_URL=https://gitlab.com/api/v4 CI_PROJECT_ID=1 GITLAB_USER_NAME=ann GITLAB_USER_ID=42 ATLAS_INPUT_CONFIG=file://atlas.hcl
    input() { export "ATLAS_INPUT_$1=$2"; }
}
bitbucket() {
    export BITBUCKET_PIPELINE_UUID={1} BITBUCKET_BUILD_NUMBER=1 BITBUCKET_REPO_FULL_NAME=acme/shop BITBUCKET_BRANCH=main BITBUCKET_COMMIT=0123abcd \
        BITBUCKET_GIT_HTTP_ORIGIN=https://bitbucket.org/acme/shop BITBUCKET_CLONE_DIR=$DIR BITBUCKET_WORKSPACE=acme BITBUCKET_REPO_SLUG=shop ATLAS_INPUT_CONFIG=file://atlas.hcl
    input() { export "ATLAS_INPUT_$1=$2"; }
}
story() { # the four pipelines
    migrations 1; project "file://$DIR/b1"; input ENV ci
    atlas-action --action migrate/push                                   # 1: the registry is up
    stop_serving; machine; export ATLAS_REQUIRE_GRANT=1
    run atlas-action --action migrate/push; echo "$output"; [ "$status" -eq 0 ]     # 2: down, on a fresh machine
    has "$output" "the grant of its token is valid until"
    equal "$(grep -c 'the grant of its token' <<< "$output")" 1
    input ENV prod; run atlas-action --action migrate/apply; [ "$status" -eq 0 ]; equal "$(tables app.db)" t1
    : > tokens; back; machine                                            # 3: the token was revoked meanwhile
    run atlas-action --action migrate/apply; [ "$status" -eq 1 ]; has "$output" "Unauthorized"
    stop_serving; machine                                                # 4: down again
    run atlas-action --action migrate/apply; echo "$output"; [ "$status" -eq 1 ]; has "$output" "the registry refused this token before"
    ! grep -rq "$TOKEN" .atlas "$HOME" 2>/dev/null
}

@test "GitHub, cache service version 2" { registry; github; story; equal "$(curl -s "$CACHE/entries" | jq length)" 2; has "$(curl -s "$CACHE/entries" | jq -r '.[0].key')" "atlas-grant-Linux-"; }
@test "GitHub, cache service version 1" { registry; github v1; story; grep -q 'PATCH /_apis/artifactcache/caches' cache.log; }
@test "GitLab: the folder that the component declares" { registry; gitlab; story; equal "$(cat .atlas/.gitignore)" "*"; }
@test "Bitbucket: the declared cache" { registry; bitbucket; story; }
@test "CircleCI and volumes: the home itself is what travels" {
    registry; export CIRCLECI=true CIRCLE_PROJECT_REPONAME=shop CIRCLE_PROJECT_USERNAME=acme CIRCLE_SHA1=0123abcd CIRCLE_BRANCH=main CIRCLE_REPOSITORY_URL=https://github.com/acme/shop \
        BASH_ENV=$DIR/bash_env GITHUB_REPOSITORY=acme/shop ATLAS_INPUT_CONFIG=file://atlas.hcl; : > bash_env
    input() { export "ATLAS_INPUT_$1=$2"; }
    machine() { local kept; kept=$(mktemp -d "$DIR/kept.XXXXXX"); cp -r "$HOME/.atlas" "$kept/"; rm -rf "$HOME"; mkdir -p "$HOME"; cp -r "$kept/.atlas" "$HOME/"; }
    story
}

@test "nothing is asked while the local grant is good, nothing is saved that has not changed" {
    registry; github; migrations 1; project "file://$DIR/b1"; input ENV ci
    atlas-action --action migrate/push; : > cache.log
    atlas-action --action migrate/push; [ ! -s cache.log ]
    machine; atlas-action --action migrate/push # restored: one look-up, one download
    equal "$(grep -c . cache.log)" 2; ! grep -q Create cache.log
}

@test "no token, a short token, ATLAS_GRANT_CACHE=off: the cache is left alone" {
    registry; github; migrations 1; project "url=file://$DIR/own"; input ENV ci
    ATLAS_TOKEN= atlas-action --action migrate/push; ATLAS_TOKEN=aci_short atlas-action --action migrate/push
    ATLAS_GRANT_CACHE=off atlas-action --action migrate/push; [ ! -s cache.log ]
}

@test "a cache that is broken, slow or hostile never fails the step" {
    registry; github; migrations 1; project "file://$DIR/b1"; input ENV ci
    local m; for m in down garbage refuse; do
        curl -s -X POST "$CACHE/fault?mode=$m"; machine; run atlas-action --action migrate/push; echo "$m: $output"; [ "$status" -eq 0 ]
    done
    stop_pid cache.pid; machine; run atlas-action --action migrate/push; [ "$status" -eq 0 ]
    ACTIONS_CACHE_MODE=none run atlas-action --action migrate/push; [ "$status" -eq 0 ]
}

@test "hostile folders: links, fifos, huge files, foreign and tampered grants, no escalation" {
    registry; gitlab; migrations 1; project "file://$DIR/b1"; input ENV ci
    atlas-action --action migrate/push; cp .atlas/grants/*.jws good; local f; f=$(ls .atlas/grants/*.jws); stop_serving; export ATLAS_REQUIRE_GRANT=1
    bad() { machine; run timeout 20 atlas-action --action migrate/push; [ "$status" -eq 1 ] || { echo "used: $1"; return 1; }; has "$output" "there is no valid grant"; }
    ln -sf "$DIR/good" "$f"; bad "a link"
    rm "$f"; mkfifo "$f"; bad "a fifo"
    rm "$f"; { cat good; head -c 100000 /dev/zero | tr '\0' A; } > "$f"; bad "a huge file"
    python3 - good "$f" <<'P'
import base64, json, sys
h, p, s = open(sys.argv[1]).read().split(".")
claims = json.loads(base64.urlsafe_b64decode(p + "=="))
claims["exp"] += 10**7; claims["iat"] += 10**6
q = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
open(sys.argv[2], "w").write(".".join((h, q, s)))
P
    bad "tampered claims"
    printf '%s.%s.' "$(printf '{"alg":"none"}' | base64 -w0 | tr -d =)" "$(cut -d. -f2 good)" > "$f"; bad "alg: none"
    cp good "$f"; ATLAS_TOKEN=aci_ffffffffffffffffffffffffffffffff run atlas-action --action migrate/push; [ "$status" -eq 1 ]
    rm -rf .atlas; ln -s /etc .atlas; bad "a link to another folder"; [ ! -e /etc/grants ]; rm .atlas
    mkdir -p .atlas; cp -r "$DIR" "$BATS_TEST_TMPDIR/../copy.$$" 2>/dev/null; ln -s "$DIR" .atlas/grants; bad "a linked folder"; rm -rf "$BATS_TEST_TMPDIR/../copy.$$"
    rm -rf .atlas; mkdir -p .atlas/grants; cp good "$f"; machine; run atlas-action --action migrate/push; [ "$status" -eq 0 ]
}

@test "a read-only home, a full disk, no home: the step goes on" {
    registry; gitlab; migrations 1; project "file://$DIR/b1"; input ENV ci
    HOME=/proc/1 run atlas-action --action migrate/push; [ "$status" -eq 0 ]
    HOME= run atlas-action --action migrate/push; [ "$status" -eq 0 ]
    CI_PROJECT_DIR=/proc/1 run atlas-action --action migrate/push; [ "$status" -eq 0 ]
}

# --- the official client --------------------------------------------------------------------------

client() { # restore|save KEY [PREFIX...], in the directory "theirs"
    (cd theirs && GITHUB_WORKSPACE=$PWD ACTIONS_CACHE_SERVICE_V2=true "$ATLAS_ROOT/tests/servers/cache-client" "$@") > client.out 2>&1 || { cat client.out; return 1; }
    tail -1 client.out
}
cross_check() { # what we save the client restores, what the client saves we restore
    migrations 1; project "file://$DIR/b1"; input ENV ci; mkdir theirs
    atlas-action --action migrate/push
    has "$(client restore atlas-grant-Linux-newest atlas-grant-Linux-)" "restored: atlas-grant-Linux-"
    diff -r "$HOME/.atlas/grants" theirs/.atlas/grants
    stop_pid cache.pid; "$@"; stop_serving; machine; export ATLAS_REQUIRE_GRANT=1 # an empty cache
    run atlas-action --action migrate/push; [ "$status" -eq 1 ]; has "$output" "there is no valid grant"
    has "$(CACHE_ZSTD=1 client save atlas-grant-Linux-1-00000000)" "saved: " # other compressions are other entries
    run atlas-action --action migrate/push; [ "$status" -eq 1 ]
    has "$(client save atlas-grant-Linux-2-00000000)" "saved: "; equal "$(curl -s "$CACHE/entries" | jq length)" 2
    run atlas-action --action migrate/push; echo "$output"; [ "$status" -eq 0 ]; has "$output" "the grant of its token is valid until"
    diff -r "$HOME/.atlas/grants" theirs/.atlas/grants
}
@test "GitHub, version 2: the official client and we read each other's entries" { registry; github; cross_check github; grep -q 'twirp.*CreateCacheEntry' cache.log; }
@test "GitHub, version 1: the official client and we read each other's entries" { registry; github v1; cross_check github v1; grep -q 'PATCH /_apis/artifactcache/caches' cache.log; }
@test "GitHub, version 1 where only ACTIONS_RESULTS_URL names the service, as the official client takes it" {
    registry; github v1; export ACTIONS_RESULTS_URL=$ACTIONS_CACHE_URL; unset ACTIONS_CACHE_URL; migrations 1; project "file://$DIR/b1"; input ENV ci; mkdir theirs
    atlas-action --action migrate/push; has "$(client restore atlas-grant-Linux-newest atlas-grant-Linux-)" "restored: atlas-grant-Linux-"
    diff -r "$HOME/.atlas/grants" theirs/.atlas/grants
}

@test "GitHub: ACTIONS_CACHE_MODE restricts us as it restricts the official client" {
    registry; github; migrations 1; project "file://$DIR/b1"; input ENV ci; mkdir -p theirs/.atlas/grants; echo x > theirs/.atlas/grants/x.jws
    asked() { echo "$(grep -c GetCacheEntry cache.log) $(grep -c CreateCacheEntry cache.log)"; }
    local mode ours
    for mode in read none write-only " READ " write readwrite anything; do
        export ACTIONS_CACHE_MODE=$mode
        stop_pid cache.pid; github; machine; : > cache.log; atlas-action --action migrate/push; ours=$(asked)
        : > cache.log; client restore a-key; client save a-key; echo "$mode: $ours"; equal "$ours" "$(asked)"
    done
}
