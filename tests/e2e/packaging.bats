#!/usr/bin/env bats
# What CI platforms read of this project, before the judges that exist for it: the files themselves,
# and what is in README.
load common
bats_require_minimum_version 1.5.0

CT=$ATLAS_ROOT/tests/support/ci-tools
setup_file() { "$CT" install >&2; }
setup() { common_setup; cp -r "$ATLAS_ROOT/action" "$ATLAS_ROOT/action.yml" .; cp "$ATLAS_ROOT/README.md" .; }
teardown() { common_teardown; }

ids() { sed -nE 's/^  ([a-z]+[a-z/-]+) - .*/\1/p' help | sort; } # of the actions, from `help`
inputs() { awk -v id="$1" '/^  [a-z]/ { on = ($1 == id) } /^    [a-z]/ && on { print $1 }' help; } # ID: in --help's order
help_text() { atlas-action --help > help; equal "$(ids | paste -sd' ')" "create-repo migrate/apply migrate/push migrate/set migrate/test registry/sync registry/verify setup"; }
jobs() { ids | grep -vx setup; } # the actions with a GitLab component: each checks its token by itself
names() { jq -r "$1 | keys_unsorted[]"; }
published() { # the image's name: a release's (make packaging IMAGE=...), else the placeholder
    local image; image=$("$CT" json "$DIR/action.yml" | jq -r .runs.image)
    case $image in docker://*) echo "${image#docker://}" ;; *) echo atlas-action:v1 ;; esac
}
TOKEN=aci_0123456789abcdef0123456789abcdef
token_registry() { printf 'ci-bot:%s:push\n' "$(printf %s "$TOKEN" | sha256sum | cut -d' ' -f1)" > tokens; serve --tokens tokens; ADDRESS=${REGISTRY#http://}; }
shop() { # a directory to push, and atlas.hcl that pushes it to $DIR/store
    mkdir -p "$1/migrations"
    echo 'CREATE TABLE t (x int);' > "$1/migrations/1_a.sql"
    printf 'variable "name" {\n  type    = string\n  default = "shop"\n}\nvariable "note" {\n  type    = string\n  default = ""\n}\nenv "ci" {\n  migration {\n    dir = "file://migrations"\n    repo {\n      name = var.name\n      url  = "file://%s/store"\n    }\n  }\n}\n' "$DIR" > "$1/atlas.hcl"
    atlas migrate hash --dir "file://$1/migrations"
}

# --- GitHub ---------------------------------------------------------------------------------------

@test "GitHub: every action.yml passes action-validator and the schema" {
    for f in action.yml $(find action -name action.yml); do
        "$CT" action-validator "$f"; "$CT" schema action "$f"
    done
}

@test "GitHub: an action.yml has the inputs of --help in order, the container of the repository, its own id" {
    help_text
    for id in $(ids); do
        f=action/$id/action.yml; "$CT" json "$f" > a.json
        equal "$(names .inputs < a.json)" "$(inputs "$id")"
        equal "$(jq -c .runs.args a.json)" "[\"--action\",\"$id\"]"
        equal "$(jq -r .runs.using a.json)" docker
        image=$(jq -r .runs.image a.json)
        case $image in docker://*) equal "$image" "docker://$(published)" ;; *) equal "$(realpath -m "$(dirname "$f")/$image")" "$DIR/Dockerfile" ;; esac
    done
    equal "$(find action -name action.yml | wc -l)" "$(ids | wc -l)"
    equal "$("$CT" json action/setup/action.yml | names .inputs | paste -sd' ')" "cloud-token flavor require-grant version working-directory config env vars"
    equal "$("$CT" json action/migrate/push/action.yml | jq -c '.inputs | map_values(.default) | with_entries(select(.value))')" '{"latest":"true"}'
    equal "$("$CT" json action/migrate/push/action.yml | names .outputs | paste -sd' ')" "url link slug digest copies degraded"
}

@test "GitHub: the root action.yml has the union of the inputs, without defaults, and passes the id on" {
    help_text; "$CT" json action.yml > a.json
    equal "$(names .inputs < a.json | sort)" "$( (echo action; for id in $(ids); do inputs "$id"; done) | sort -u)"
    equal "$(jq -c '[.inputs[] | select(has("default"))]' a.json)" "[]"
    equal "$(jq -c '[.inputs | to_entries[] | select(.value.required) | .key]' a.json)" '["action"]'
    equal "$(jq -c '.runs | del(.image)' a.json)" '{"using":"docker","args":["--action","${{ inputs.action }}"]}'
    has " Dockerfile docker://$(published) " " $(jq -r .runs.image a.json) "
}

@test "GitHub: our workflow and README's pass actionlint, action-validator and the schema" {
    mkdir wf; cp "$ATLAS_ROOT/.github/workflows/ci.yml" wf/
    "$CT" readme README.md "GitHub Actions" yaml 1 > wf/push.yml
    "$CT" readme README.md "GitHub Actions" yaml 2 > wf/deploy.yml
    for f in wf/*.yml; do "$CT" actionlint "$f"; "$CT" schema workflow "$f"; "$CT" action-validator "$f"; done
    # What they pass is there, and what they read is set.
    for f in push deploy; do
        "$CT" json wf/$f.yml | jq -r '.jobs[].steps[] | select(.uses // "" | startswith("OWNER/")) | "\(.uses) \(.with | keys_unsorted | join(" "))"' > used
        read -r uses with < used; a=${uses#OWNER/atlas-action/}; a=${a%@*}/action.yml
        for name in $with; do "$CT" json "$a" | jq -e ".inputs | has(\"$name\")"; done
    done
    "$CT" json action/migrate/apply/action.yml | jq -e '.outputs | has("target")'
}

@test "the judges do refuse" {
    sed 's/^runs:/walks:/' action.yml > bad.yml
    run ! "$CT" action-validator bad.yml
    run ! "$CT" schema action bad.yml
    printf 'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ steps.nothing.outputs.x }}\n' > w.yml
    run "$CT" actionlint w.yml; [ "$status" -eq 1 ]; has "$output" '"nothing" is not defined'
    run ! "$CT" schema workflow action.yml
    run ! "$CT" schema circleci action.yml
    run ! "$CT" schema bitbucket action.yml
}

@test "GitHub: setup checks the token, keeps its grant and hands the token to later steps" {
    token_registry; unset ATLAS_TOKEN; : > env; : > out
    setup_step() { run env GITHUB_ACTIONS=true GITHUB_SERVER_URL=https://github.com GITHUB_ENV="$DIR/env" GITHUB_OUTPUT="$DIR/out" "INPUT_CLOUD-TOKEN=$TOKEN" "$@" atlas-action --action setup; echo "$output"; }
    setup_step INPUT_VERSION=latest; [ "$status" -eq 0 ]; equal "$(ls "$HOME/.atlas")" grants
    has "$output" "::add-mask::$TOKEN"; lacks "$(grep -v '^::add-mask::' <<< "$output")" "$TOKEN"
    equal "$(sed -n 2p env)" "$TOKEN"; has "$(head -1 env)" "ATLAS_TOKEN<<"
    has "$(cat out)" ci-bot self-hosted; lacks "$(cat out)" "$TOKEN"
    setup_step INPUT_CLOUD-TOKEN=aci_ffffffffffffffffffffffffffffffff; [ "$status" -eq 1 ]; has "$output" "failed to check the token" Unauthorized
    stop_serving; setup_step "INPUT_REQUIRE-GRANT=true"; [ "$status" -eq 0 ]; has "$output" "the grant of its token is valid until"
    rm -rf "$HOME/.atlas"
    setup_step; [ "$status" -eq 0 ]; has "$output" "::warning" "the token could not be checked"
    setup_step "INPUT_REQUIRE-GRANT=true"; [ "$status" -eq 1 ]
    setup_step "INPUT_REQUIRE-GRANT=perhaps"; [ "$status" -eq 1 ]; has "$output" "require-grant"
    setup_step INPUT_CLOUD-TOKEN=; [ "$status" -eq 0 ]; has "$output" "there is no token"
}

# --- GitLab ---------------------------------------------------------------------------------------

gitlab_repository() { # a repository with the components; .gitlab-ci.yml from standard input
    mkdir -p repo && cd repo || return 1
    cp -r "$DIR/action/gitlab/templates" .
    cat > .gitlab-ci.yml
    git init -q -b main; git remote add origin https://gitlab.example/OWNER/atlas-action.git
    git add -A; git -c user.name=ann -c user.email=a@b.example commit -qm x
}
# gitlab-ci-local names another CI_PROJECT_DIR for a job with an image than where it runs it.
without_image() { sed -i '/^  image:/d' "$DIR"/action/gitlab/templates/*.yml; }
gitlab() { "$CT" gitlab --ignore-predefined-vars GITLAB_CI "$@" 2>gitlab.err || { cat gitlab.err; return 1; }; }
refused() { # INPUT: VALUE, what GitLab says
    printf 'include:\n  - local: templates/migrate-apply.yml\n    inputs: { %s }\n' "$1" > .gitlab-ci.yml
    run "$CT" gitlab --preview; [ "$status" -ne 0 ]; has "$output" "$2"
}

@test "GitLab: components run, a following job sees the outputs, the project's .env is left alone" {
    without_image; shop repo/app; echo MINE=1 > repo/.env
    gitlab_repository <<'Y'
include:
  - component: $CI_SERVER_FQDN/$CI_PROJECT_PATH/migrate-push@$CI_COMMIT_SHA
    inputs:
      working-directory: app
      config: "file://atlas.hcl"
      env: ci
      vars: |
        { "name": "shop",
          "note": "it's \"quoted\": # {x}" }
      tag: v1
      latest: false
      min-copies: 1
  - local: templates/migrate-apply.yml
    inputs: { job_name: deploy-it, stage: deploy, dir: "file://app/migrations", url: $TARGET, exec-order: linear, tx-mode: all, amount: 1 }
show:
  stage: deploy
  needs: [atlas-migrate-push, deploy-it]
  script:
    - echo "[$ATLAS_OUTPUT_MIGRATE_PUSH_URL][$ATLAS_OUTPUT_MIGRATE_PUSH_COPIES][$ATLAS_OUTPUT_MIGRATE_PUSH_LINK][$ATLAS_OUTPUT_MIGRATE_APPLY_TARGET]"
Y
    run gitlab --variable "TARGET=sqlite://$DIR/app.db"
    echo "$output"; [ "$status" -eq 0 ]
    has "$output" '> [atlas://shop?tag=v1][1][][1]' 'PASS  atlas-migrate-push' 'PASS  deploy-it'
    equal "$(tables "$DIR/app.db")" t
    equal "$(cat .env)" MINE=1
    test -f "$DIR/store/shop/refs/tags/v1"
}

@test "GitLab: README's pipeline runs" {
    without_image; shop repo
    "$CT" readme README.md "GitLab CI" yaml > ci.yml
    has "$(cat ci.yml)" gitlab.com/OWNER/atlas-action/migrate-push@1
    sed -i 's|gitlab.com/OWNER/atlas-action/migrate-push@1|$CI_SERVER_FQDN/$CI_PROJECT_PATH/migrate-push@$CI_COMMIT_SHA|' ci.yml
    gitlab_repository < ci.yml
    run gitlab
    echo "$output"; [ "$status" -eq 0 ]
    has "$output" "> pushed atlas://shop?tag=$(git rev-parse HEAD) to 1 targets"
}

@test "GitLab: what the components become is what GitLab takes: no empty stage or image, texts as variables" {
    gitlab_repository <<< 'include: [{local: templates/migrate-apply.yml}, {local: templates/migrate-push.yml}]'
    gitlab --preview > preview.yml
    sed '/^ *access: developer$/d' preview.yml > judged.yml; "$CT" schema gitlab judged.yml # the schema is older than artifacts:access
    "$CT" json preview.yml > p.json
    equal "$(jq -r '."atlas-migrate-push" | .stage + " " + (.image | .name? // .)' p.json)" "test $(published)-shell"
    equal "$(jq -c '[.[] | select(type == "object" and has("script")) | .variables[] | select(type != "string")]' p.json)" "[]"
    equal "$(jq -r '."atlas-migrate-push".variables.ATLAS_INPUT_LATEST' p.json)" true
    printf 'include:\n  - local: templates/migrate-push.yml\n    inputs: { image: "registry.acme.io:5000/a/b:v1-shell", stage: deploy, atlas-version: v0.38.0 }\n' > .gitlab-ci.yml
    gitlab --preview > preview.yml
    equal "$("$CT" json preview.yml | jq -r '."atlas-migrate-push" | .stage + " " + (.image | .name? // .)')" "deploy registry.acme.io:5000/a/b:v1-shell"
}

@test "GitLab: inputs outside their options or type, an empty image or stage are refused" {
    gitlab_repository < /dev/null
    refused 'exec-order: sideways' '`exec-order` input: `sideways` cannot be used because it is not in the list of allowed options'
    refused 'tx-mode: both' '`tx-mode` input: `both` cannot be used'
    refused 'amount: "many"' '`amount` input: provided value is not a number'
    refused 'dry-run: "yes"' '`dry-run` input: provided value is not a boolean'
    refused 'image: ""' image
    refused 'stage: ""' stage
}

@test "GitLab: the token is the input, else the project's variable, and never the text of an unset variable" {
    mkdir -p bin; printf '#!/bin/sh\necho "token=[$ATLAS_TOKEN] gitlab=[$GITLAB_TOKEN]"\n' > bin/atlas-action; chmod +x bin/atlas-action
    PATH=$DIR/bin:$PATH; without_image
    gitlab_repository <<< 'include: [{local: templates/migrate-push.yml, inputs: {atlas-cloud-token: $ATLAS_TOKEN, gitlab-token: $OTHER}}]'
    run gitlab;                                                 has "$output" "> token=[] gitlab=[]"
    run gitlab --variable ATLAS_TOKEN=one --variable OTHER=two; has "$output" "> token=[one] gitlab=[two]"
    echo 'include: [{local: templates/migrate-push.yml}]' > .gitlab-ci.yml
    run gitlab --variable ATLAS_TOKEN=one --variable GITLAB_TOKEN=three; has "$output" "> token=[one] gitlab=[three]"
    echo 'include: [{local: templates/migrate-push.yml, inputs: {atlas-cloud-token: $CI_TOKEN}}]' > .gitlab-ci.yml
    run gitlab --variable ATLAS_TOKEN=one --variable CI_TOKEN=four; has "$output" "> token=[four] gitlab=[]"
}

@test "GitLab: a component has the inputs of --help, with types, defaults and options, and documents each" {
    help_text
    for id in $(jobs); do
        "$CT" json "action/gitlab/templates/${id//\//-}.yml" | head -1 > g.json
        equal "$(names .spec.inputs < g.json)" "$(printf '%s\n' job_name stage image atlas-version gitlab-token atlas-cloud-token; inputs "$id")"
        equal "$(jq -c '[.spec.inputs[] | select((.description // "") == "")]' g.json)" "[]"
        "$CT" json "action/gitlab/templates/${id//\//-}.yml" | tail -1 | jq -r '.[].variables | keys_unsorted[] | select(startswith("ATLAS_INPUT_"))' > variables
        equal "$(cat variables)" "$(inputs "$id" | sed 's/^/ATLAS_INPUT_/; y/abcdefghijklmnopqrstuvwxyz-/ABCDEFGHIJKLMNOPQRSTUVWXYZ_/')"
    done
    "$CT" json action/gitlab/templates/migrate-apply.yml | head -1 | jq '.spec.inputs | map_values(del(.description))' > g.json
    equal "$(jq -c .amount g.json)" '{"type":"number","default":0}'
    equal "$(jq -c '."dry-run"' g.json)" '{"type":"boolean","default":false}'
    equal "$(jq -c '."exec-order"' g.json)" '{"type":"string","options":["","linear","linear-skip","non-linear"],"default":""}'
    equal "$(jq -c '."require-grant"' g.json)" '{"type":"string","options":["","true","false","signed"],"default":""}'
    equal "$(jq -c '."tx-mode"' g.json)" '{"type":"string","options":["","file","all","none"],"default":""}'
    equal "$("$CT" json action/gitlab/templates/migrate-push.yml | head -1 | jq -c '.spec.inputs.latest | del(.description)')" '{"type":"boolean","default":true}'
}

@test "GitLab: the grant of one pipeline is there in the next, through the component's cache" {
    token_registry; without_image; shop repo; sed -i "s|url  = .*|backup = [\"file://$DIR/store\"]|" repo/atlas.hcl
    gitlab_repository <<< 'include: [{local: templates/migrate-push.yml, inputs: {env: ci, config: "file://atlas.hcl"}}]'
    pipeline() { rm -rf "$HOME/.atlas" .atlas; run gitlab --variable "ATLAS_TOKEN=$TOKEN" --variable "ATLAS_CLOUD_URL=$ATLAS_CLOUD_URL" "$@"; echo "$output"; }
    pipeline; [ "$status" -eq 0 ]; has "$output" "to 2 of 2 targets"
    stop_pid "$DIR/serve.pid"
    pipeline --variable ATLAS_REQUIRE_GRANT=1; [ "$status" -eq 0 ]; has "$output" "the grant of its token is valid until"
    rm -rf .gitlab-ci-local
    pipeline --variable ATLAS_REQUIRE_GRANT=1; [ "$status" -ne 0 ]; has "$output" "there is no valid grant"
    "$CT" json templates/migrate-push.yml | tail -1 | jq -e '.[] | .cache == {"key":"atlas-grant-cache","paths":[".atlas/"],"policy":"pull-push","when":"always"}
        and (.artifacts | .paths == [".atlas/"] and .expire_in == "1 day" and .access == "developer" and .when == "always")'
}

# --- CircleCI -------------------------------------------------------------------------------------

ORB=action/circleci/orb.yml
circle() { # COMMAND ARGUMENTS: a step of a job, with CircleCI's own shell
    "$CT" step "$DIR/$ORB" "$1" "$2" > step.sh
    CIRCLECI=true CIRCLE_PROJECT_REPONAME=shop CIRCLE_SHA1=beef CIRCLE_BRANCH=main BASH_ENV=$DIR/bash_env bash --login -eo pipefail -c "PATH=$PATH; $(cat step.sh)"
}

@test "CircleCI: README's config is valid with the orb in its place" {
    "$CT" readme README.md CircleCI yaml > c.yml
    "$CT" inline $ORB c.yml > config.json
    "$CT" schema circleci config.json
    sed 's/OWNER/owner/' c.yml > lower.yml; "$CT" schema circleci lower.yml
    # Every orb step and executor it names is there, with the parameters it passes.
    jq -e '.orbs.atlas as $o | .jobs.push.steps | map(select(type == "string" and startswith("atlas/"))) | all($o.commands[.[6:]] != null)' config.json
    jq -e '.orbs.atlas as $o | .jobs.push.steps | map(select(type == "object") | to_entries[] | select(.key | startswith("atlas/"))) | length == 1 and all($o.commands[.key[6:]].parameters as $p | .value | keys | all($p[.] != null))' config.json
    jq -e '.orbs.atlas.executors.default.parameters as $p | .jobs.push.executor | keys | all(. == "name" or $p[.] != null)' config.json
}

@test "CircleCI: steps run with every kind of parameter, and the next step sees the outputs" {
    shop .; printf 'locals {\n  unused = 1\n}\n' > more.hcl; touch bash_env
    args='{"working_directory": ".", "config": "file://atlas.hcl\nfile://more.hcl", "env": "ci", "vars": "{\n  \"name\": \"shop\"\n}", "tag": "v1", "latest": false, "min_copies": 1, "dev_url": "sqlite://dev?mode=memory"}'
    run circle setup '{}'; echo "$output"; [ "$status" -eq 0 ]
    run circle migrate_push "$args"; echo "$output"; [ "$status" -eq 0 ]
    run env BASH_ENV="$DIR/bash_env" bash -eo pipefail -c 'echo "$ATLAS_OUTPUT_MIGRATE_PUSH_URL $ATLAS_OUTPUT_MIGRATE_PUSH_COPIES"'
    equal "$output" "atlas://shop?tag=v1 1"
    run circle migrate_apply '{"url": "sqlite://app.db", "dir": "file://migrations", "dry_run": true}'
    [ "$status" -eq 0 ]; [ ! -s app.db ] || equal "$(tables app.db)" ""
    run circle migrate_apply '{"url": "sqlite://app.db", "dir": "file://migrations", "amount": 1, "exec_order": "linear", "tx_mode": "all"}'
    echo "$output"; [ "$status" -eq 0 ]; equal "$(tables app.db)" t
    run circle migrate_push '{"env": "nowhere"}'; [ "$status" -eq 1 ]
}

@test "CircleCI: setup passes the token on under its name and never writes it down" {
    touch bash_env; export ATLAS_CLOUD_URL=http://127.0.0.1:9/ ATLAS_HTTP_RETRIES=1 # nobody there: a warning
    export MY_TOKEN='to"k$en'
    run circle setup '{"cloud_token_env": "MY_TOKEN", "version": "v0.38.0"}'
    [ "$status" -eq 0 ]; lacks "$output$(cat bash_env)" 'to"k'; has "$output" "the token could not be checked"
    run circle setup '{"cloud_token_env": "MY_TOKEN", "require_grant": "true"}'; [ "$status" -eq 1 ]
    equal "$(BASH_ENV=$DIR/bash_env bash -c 'echo "$ATLAS_TOKEN"')" 'to"k$en'
    unset MY_TOKEN; : > bash_env
    run circle setup '{"cloud_token_env": "MY_TOKEN"}'; [ "$status" -eq 0 ]; equal "$(cat bash_env)" ""
}

@test "CircleCI: setup restores the grant, hands it on and saves it, and nothing else of the home" {
    "$CT" json $ORB | jq '.commands.setup.steps' > steps.json
    equal "$(jq -c 'map(keys[0])' steps.json)" '["restore_cache","run","when","save_cache"]'
    equal "$(jq -c '[.[0].restore_cache.keys, .[3].save_cache.key, .[3].save_cache.paths, .[3].save_cache.when]' steps.json)" \
        '[["atlas-grant-cache-"],"atlas-grant-cache-<< pipeline.id >>",["~/.atlas/grants"],"always"]'
    equal "$(jq -c '.[2].when.steps[0].persist_to_workspace' steps.json)" '{"root":"~/","paths":[".atlas/grants"]}'
    token_registry; touch bash_env; export ATLAS_TOKEN=$TOKEN
    run circle setup '{}'; echo "$output"; [ "$status" -eq 0 ]; lacks "$output$(cat bash_env)" "$TOKEN"
    equal "$(cd "$HOME" && find .atlas -type f | sed 's|/[^/]*$||')" .atlas/grants
    stop_serving; run circle setup '{"require_grant": "true"}'; [ "$status" -eq 0 ]; has "$output" "the grant of its token is valid until"
}

@test "CircleCI: a command has the inputs of --help, with types and defaults, and documents each" {
    help_text; "$CT" json $ORB > orb.json
    for id in $(jobs); do
        equal "$(jq ".commands.${id//[\/-]/_}" orb.json | names .parameters | grep -v '^github_')" "$(inputs "$id" | tr - _)"
    done
    equal "$(jq -c '[.commands[].parameters[] | select((.description // "") == "")]' orb.json)" "[]"
    equal "$(jq -c '[.commands | to_entries[] | .key as $c | .value.parameters | to_entries[] | select(.value | has("default") | not) | $c + "." + .key] | sort' orb.json)" \
        '["create_repo.driver","create_repo.name","create_repo.type","migrate_set.version"]'
    equal "$(jq -c '.commands.migrate_apply.parameters | [.amount, .dry_run, .exec_order] | map(del(.description))' orb.json)" \
        '[{"type":"integer","default":0},{"type":"boolean","default":false},{"type":"enum","enum":["","linear","linear-skip","non-linear"],"default":""}]'
    run ! "$CT" step $ORB migrate_apply '{"amount": "many"}'
    run ! "$CT" step $ORB migrate_apply '{"exec_order": "sideways"}'
    run ! "$CT" step $ORB migrate_apply '{"nothing": 1}'
}

# --- Bitbucket ------------------------------------------------------------------------------------

@test "Bitbucket: README's pipeline is valid and runs; the shell that follows has the outputs" {
    "$CT" readme README.md "Bitbucket Pipelines" yaml > b.yml
    "$CT" schema bitbucket b.yml
    shop .; "$CT" json b.yml | jq '.pipelines.branches.main[0].step.script' > script.json
    # A pipe's container sees the variables that are listed, and Bitbucket's.
    mapfile -t pipe < <(jq -r '.[0].variables | to_entries[] | "\(.key)=\(.value)"' script.json | grep -v '=\$')
    run env -i PATH="$PATH" HOME="$HOME" BITBUCKET_PIPELINE_UUID='{1}' BITBUCKET_REPO_FULL_NAME=acme/shop BITBUCKET_COMMIT=b17b \
        BITBUCKET_BRANCH=main BITBUCKET_CLONE_DIR="$DIR" "${pipe[@]}" atlas-action
    echo "$output"; [ "$status" -eq 0 ]
    jq -r '.[1:][]' script.json > after.sh
    run bash -e after.sh
    equal "$output" "pushed atlas://shop?tag=b17b"
}

@test "Bitbucket: pipe.yml has every input" {
    help_text; "$CT" json action/bitbucket/pipe.yml > pipe.json
    equal "$(jq -r '.variables[].name | select(startswith("ATLAS_INPUT_"))' pipe.json | sort)" \
        "$(for id in $(ids); do inputs "$id"; done | sort -u | sed 's/^/ATLAS_INPUT_/; y/abcdefghijklmnopqrstuvwxyz-/ABCDEFGHIJKLMNOPQRSTUVWXYZ_/' | sort)"
    equal "$(jq -c '[.variables[] | select((.description // "") == "")]' pipe.json)" "[]"
}

# --- the manifest, and README ---------------------------------------------------------------------

packager() { make -s -C "$DIR/copy" --no-print-directory CONFIG="$(basename "$ATLAS_BUILD")" "$@" 2>&1; }
copy() { # the sources and what is built of them, in $DIR/copy
    local b=build/$(basename "$ATLAS_BUILD")
    mkdir -p "copy/$b/tests/support"
    (cd "$ATLAS_ROOT" && cp -a --parents src include entrypoint action action.yml README.md Makefile tests/support "$b"/src "$b"/lib*.a "$b"/entrypoint "$DIR/copy/")
}

@test "a change of the manifest without make packaging is noticed, and mended by it" {
    copy
    run packager packaging-check
    echo "$output"; [ "$status" -eq 0 ]; has "$output" "packaging: 1 passed, 0 failed"
    sed -i 's/"Also move the tag `latest`."/"Also move the tag named latest."/' copy/src/runner/manifest.c
    run packager packaging-check
    echo "$output"; [ "$status" -ne 0 ]
    for f in action.yml action/migrate/push/action.yml action/gitlab/templates/migrate-push.yml action/circleci/orb.yml action/bitbucket/pipe.yml README.md; do
        has "$output" "$f differs from the manifest: run make packaging"
    done
    lacks "$output" "action/migrate/apply/action.yml differs"
    packager packaging
    run packager packaging-check; [ "$status" -eq 0 ]
    has "$(cat copy/README.md)" "Also move the tag named latest."
    echo "x: 1" >> copy/action/migrate/apply/action.yml
    run packager packaging-check; [ "$status" -ne 0 ]; has "$output" "action/migrate/apply/action.yml differs"
    # A release names its published image everywhere, the one with a shell where a shell is needed.
    packager packaging IMAGE=docker://registry.acme.io:5000/atlas-action:v2
    run packager packaging-check IMAGE=docker://registry.acme.io:5000/atlas-action:v2; [ "$status" -eq 0 ]
    cd copy
    equal "$("$CT" json action/migrate/push/action.yml | jq -r .runs.image)" docker://registry.acme.io:5000/atlas-action:v2
    equal "$("$CT" json action.yml | jq -r .runs.image)" docker://registry.acme.io:5000/atlas-action:v2
    equal "$("$CT" json action/gitlab/templates/migrate-push.yml | head -1 | jq -r .spec.inputs.image.default)" registry.acme.io:5000/atlas-action:v2-shell
    equal "$("$CT" json $ORB | jq -r .executors.default.parameters.image.default)" registry.acme.io:5000/atlas-action:v2-shell
    equal "$("$CT" json action/bitbucket/pipe.yml | jq -r .image)" registry.acme.io:5000/atlas-action:v2
    "$CT" action-validator action.yml; "$CT" schema action action.yml
}

@test "README: the first project runs as it stands" {
    "$CT" readme README.md "A first project" hcl > atlas.hcl
    "$CT" readme README.md "A first project" shell | sed "s|^export PATH=.*||" > first.sh
    run bash -e first.sh
    echo "$output"; [ "$status" -eq 0 ]
    equal "$(tables shop.db)" users
    test -f copies/one/shop/refs/tags/latest; test -f copies/two/shop/refs/tags/latest
    "$CT" readme README.md "Anywhere else" shell > else.sh
    run bash -e else.sh
    echo "$output"; [ "$status" -eq 0 ]; has "$output" "slug=shop" "copies=2"
}
