#!/usr/bin/env bats
# action/kubernetes/: the manifests before a judge, and their container's own command line, environment and mounts in a story.
bats_require_minimum_version 1.5.0
load common

CT=$ATLAS_ROOT/tests/support/ci-tools
K=$ATLAS_ROOT/action/kubernetes
setup_file() { "$CT" install >&2; }
setup() { common_setup; TOKEN=aci_0123456789abcdef0123456789abcdef; "$CT" json "$K/resource.yaml" > resource.json; POD=$(mktemp -d /tmp/atlas-pod-XXXXXX); chmod 755 "$POD"; }
teardown() { common_teardown; rm -rf "$POD"; }

pods() { jq -c 'select(.kind == "Job") | .spec.template.spec'  resource.json; jq -c 'select(.kind == "CronJob") | .spec.jobTemplate.spec.template.spec' resource.json; }

@test "the manifests are what their kinds take; the judge does refuse" {
    "$CT" kubernetes "$K"/*.yaml
    sed 's/name: atlas$/nam: atlas/' "$K/resource.yaml" > bad.yaml; run ! "$CT" kubernetes bad.yaml
    sed 's/accessModes: .*/accessModes: 1/' "$K/grants.yaml" > bad.yaml; run ! "$CT" kubernetes bad.yaml
}

@test "nobody runs it: no root, no privilege, a read-only root, no token of the cluster, nothing secret inside" {
    equal "$(pods | wc -l)" 2; equal "$(pods | sort -u | wc -l)" 1 # Job and CronJob run the same pod
    pods > p.json
    equal "$(head -1 p.json | jq -c '.securityContext')" '{"runAsNonRoot":true,"runAsUser":65534,"runAsGroup":65534,"fsGroup":65534,"seccompProfile":{"type":"RuntimeDefault"}}'
    equal "$(head -1 p.json | jq -c '.containers[].securityContext')" '{"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,"capabilities":{"drop":["ALL"]}}'
    equal "$(head -1 p.json | jq -c '[.automountServiceAccountToken, .restartPolicy]')" '[false,"Never"]'
    equal "$(head -1 p.json | jq -c '.containers[].envFrom')" '[{"secretRef":{"name":"shop-atlas"}}]'
    jq -e '.containers[].env | map(.name) | any(test("TOKEN|DATABASE|SECRET|PASSWORD")) | not' p.json
    # Every mount has its volume; grants are on the claim.
    jq -e '([.volumes[].name] | sort) == ([.containers[].volumeMounts[].name] | sort)' p.json
    equal "$(head -1 p.json | jq -r '.volumes[] | select(.name == "grants") | .persistentVolumeClaim.claimName')" "$("$CT" json "$K/grants.yaml" | jq -r .metadata.name)"
}

@test "README's commands make what the manifests ask for" {
    mkdir bin; printf '#!/bin/sh\necho "$@" >> "$DIR/calls"\n[ "$*" != "apply -f -" ] || cat > "$DIR/applied.yaml"\n' > bin/kubectl; chmod +x bin/kubectl
    "$CT" readme "$ATLAS_ROOT/README.md" Kubernetes shell > commands.sh
    (cd "$ATLAS_ROOT" && PATH=$DIR/bin:$PATH ATLAS_TOKEN=$TOKEN DATABASE_URL=sqlite://x bash -eu "$DIR/commands.sh")
    "$CT" kubernetes applied.yaml; "$CT" json applied.yaml > resource.json
    lacks "$(cat resource.json)" shop; lacks "$(cat resource.json)" REGISTRY
    has "$(cat calls)" "create secret generic $(pods | head -1 | jq -r '.containers[0].envFrom[0].secretRef.name') " "apply -f action/kubernetes/grants.yaml"
    equal "$(pods | head -1 | jq -r '.containers[0] | .image + " " + (.env[] | select(.name == "ATLAS_HOME_SUBDIR") | .value)')" "registry.acme.io/atlas-action:v1 orders"
}

# A pod on this machine: what the manifest mounts is below $POD, and nothing else can be written.
pod() { # RESOURCE: sets $status and $output
    local spec home env=() args=() limits=() n
    "$CT" json "$1.yaml" > resource.json; spec=$(pods | head -1)
    mkdir -p "$POD/config" "$POD/tmp" "$POD/grants"; chmod 1777 "$POD/tmp"
    jq -r 'select(.kind == "ConfigMap") | .data["atlas.hcl"]' resource.json | sed "s|s3://[^\"]*|file://$POD/copies|" > "$POD/config/atlas.hcl"
    while IFS= read -r n; do env+=("$n"); done < <(jq -r '.containers[0].env[] | "\(.name)=\(.value)"' <<< "$spec" | sed -E "s#=(/tmp|/grants)\$#=$POD\1#")
    while IFS= read -r n; do args+=("$n"); done < <(jq -r '.containers[0].args[]' <<< "$spec")
    if [ "$(id -u)" -eq 0 ]; then chown 65534:65534 "$POD/grants"; limits=(setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --bounding-set -all); fi
    run env -i -C "$POD/config" PATH="$PATH" SUITE_RECORD="$SUITE_RECORD" ATLAS_CLOUD_URL="$ATLAS_CLOUD_URL" ASAN_OPTIONS="$ASAN_OPTIONS" UBSAN_OPTIONS="$UBSAN_OPTIONS" \
        ATLAS_TOKEN="$TOKEN" DATABASE_URL="sqlite://$POD/tmp/$1.db" "${env[@]}" "${extra[@]}" "${limits[@]}" atlas-action "${args[@]}"
    echo "$1: $output"
}

@test "the story: a job applies and leaves a grant on the volume; a job on the day the registry is down uses it" {
    local extra=() r
    printf 'ci-bot:%s:push\n' "$(printf %s "$TOKEN" | sha256sum | cut -d' ' -f1)" > tokens
    serve --tokens tokens; export ATLAS_TOKEN=$TOKEN; migrations 1
    for r in shop orders; do
        sed "s/shop/$r/g" "$K/resource.yaml" > $r.yaml
        printf 'env "ci" {\n  migration {\n    dir = "file://migrations"\n    repo {\n      name = "%s"\n      backup = ["file://%s/copies"]\n    }\n  }\n}\n' $r "$POD" > atlas.hcl
        atlas migrate push --env ci
        pod $r; [ "$status" -eq 0 ]; equal "$(tables "$POD/tmp/$r.db")" t1
    done
    equal "$(cd "$POD/grants" && find . -name '*.jws' | sed 's|/[^/]*$||' | sort | paste -sd' ')" "./orders/grants ./shop/grants"
    equal "$(stat -c %a "$POD/grants/shop/grants")" 700
    stop_serving; rm -rf "$POD/tmp"; extra=(ATLAS_REQUIRE_GRANT=1)
    pod shop; [ "$status" -eq 0 ]; has "$output" "the grant of its token is valid until"; equal "$(tables "$POD/tmp/shop.db")" t1
    rm -rf "$POD/grants/orders"; pod orders; [ "$status" -eq 1 ]; has "$output" "there is no valid grant"
    equal "$(ls "$POD/config")" atlas.hcl
    ! grep -rq "$TOKEN" "$POD"
}
